// Texts that a platform, a person or a broken store could make the console show.

// Each sets `window.hacked`, loads from another host, restyles the page or leads away, if it is taken for markup.
export const MARKUP = [
  "<script>window.hacked = 1</script>",
  "\"><img src=x onerror=\"window.hacked=1\">",
  "'><svg onload='window.hacked=1'></svg>",
  "</title></pre></code></style></textarea><script>window.hacked=1</script>",
  "-->\n]]><script>window.hacked=1</script>",
  "\" onmouseover=\"window.hacked=1\" autofocus onfocus=\"window.hacked=1\" x=\"",
  "<style>* { display: none !important }</style>",
  "\" style=\"position:fixed;inset:0;background:red",
  "<link rel=stylesheet href=http://elsewhere.example/x.css>",
  "<iframe srcdoc=\"<script>parent.hacked=1</script>\"></iframe>",
  "<meta http-equiv=refresh content=\"0;url=http://elsewhere.example/\">",
  "<base href=http://elsewhere.example/><form action=http://elsewhere.example/><button>Send</button></form>",
  "<img src=http://elsewhere.example/x.png>",
  "javascript:window.hacked=1",
  "http://elsewhere.example/\"onclick=\"window.hacked=1",
  "{{ 7*7 }}{% include \"/etc/passwd\" %}${7*7}&lt;script&gt;",
];

// Hides, reverses and rings.
export const HIDDEN = "abc\u202edef\u2066ghi\u2069\u200bjkl\u00admno\ufeffpqr\u0007\u001b[31mstu";
export const IS_HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

// A word that no line can hold.
export const LONG = "W".repeat(10_000);

// Keys of texts in reports, records and notifications. Others have a few values, or are times and ids.
const TEXTS = new Set([
  "by", "cipher", "compensation", "cut", "delivery", "destination", "detail", "details", "evidence", "expected", "actual",
  "instructions", "issuer", "location", "method", "name", "protocol", "reason", "remote", "step", "trace_id", "url", "version",
]);

// The same JSON with a text in all of these places, which are noted.
export function poisoned(value, text, key = "") {
  if (Array.isArray(value)) {
    return key === "warnings" ? [text, text] : value.map((own) => poisoned(own, text, key));
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, poisoned(own, text, name)]));
  }
  return typeof value === "string" && TEXTS.has(key) ? text : value;
}
