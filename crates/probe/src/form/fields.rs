//! Forms of a page, and the fields for a browser to send
//! (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set>).

use std::borrow::Cow;

use url::Url;

use crate::html::{Tag, Tags, decode_text};

/// Maximum number of fields to examine; no real form has more.
pub(super) const MAX_FIELDS: usize = 1_000;

/// Elements before the body of a page.
const HEAD: [&str; 13] = [
    "html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "noscript", "noframes", "style", "script",
    "template",
];

/// Forms of a page, with the parts of its head about them.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) forms: Vec<Form<'a>>,
    /// Value of `<meta name="csrf-token">`, as scripts read it.
    pub(super) meta: Option<Cow<'a, str>>,
    /// Base of the page's links, by its element `base`.
    base: Option<Cow<'a, str>>,
    /// Content security policies in the head of the page. Browsers ignore those of the body.
    pub(super) policies: Vec<Cow<'a, str>>,
    /// Referrer policies of the page, in its order.
    pub(super) referrer: Vec<Cow<'a, str>>,
    /// True for a page with a script, or with an element by whose id a script of another kind may find its place.
    pub(super) can_be_filled: bool,
    pub(super) has_script: bool,
    /// True when the page has more fields than are read.
    pub(super) is_cut: bool,
}

/// A form with its fields, in the order of the page.
#[derive(Default)]
pub(super) struct Form<'a> {
    id: Option<Cow<'a, str>>,
    sending: Sending<'a>,
    pub(super) accept_charset: Option<Cow<'a, str>>,
    pub(super) fields: Vec<Field<'a>>,
}

/// Attributes about the sending of a form. A button may have its own.
#[derive(Default)]
struct Sending<'a> {
    action: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    enctype: Option<Cow<'a, str>>,
}

/// A field of a form.
pub(super) struct Field<'a> {
    /// Name; empty for a button without one.
    pub(super) name: Cow<'a, str>,
    pub(super) kind: Kind,
    pub(super) is_disabled: bool,
    /// True for a field that only a script can change, by its attributes.
    pub(super) is_readonly: bool,
    /// Values as the page has them: none for a box that is not checked, several for a list.
    pub(super) values: Vec<Cow<'a, str>>,
    sending: Sending<'a>,
}

/// Kind of a field, by what is sent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value of the page.
    Hidden,
    /// A text of the user.
    Text,
    /// A text of the user, which is not shown.
    Password,
    /// A file; none is chosen.
    File,
    Checkbox,
    Radio,
    Select,
    /// A button to send the form; its value is sent only if it was pressed.
    Submit,
    /// Such a button with a picture; the position of the click is sent.
    Image,
    /// A button of another kind; it is never sent.
    Button,
}

/// Encoding of a form's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enctype {
    Urlencoded,
    Multipart,
    Plain,
}

/// A name and a value, as a browser sends them.
pub(super) struct Entry<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
    pub(super) kind: Kind,
}

/// Form of a field.
enum Owner<'a> {
    /// The form around it, by its place.
    Around(usize),
    /// The form with this id, wherever it is.
    Named(Cow<'a, str>),
}

/// Options of the open `select` element.
struct Options {
    /// Place of its field.
    place: usize,
    is_multiple: bool,
    /// True while no option of a drop-down list is selected: the first enabled one counts.
    takes_first: bool,
    is_group_disabled: bool,
}

/// An open `fieldset` element.
struct Fieldset {
    is_disabled: bool,
    legend: Legend,
}

/// Progress of a fieldset's first legend. Its fields stay enabled in a disabled fieldset.
#[derive(PartialEq, Eq)]
enum Legend {
    Awaited,
    Open,
    Closed,
}

/// Position within the page.
#[derive(Default)]
struct Place {
    in_form: bool,
    /// True after an element outside of the head.
    in_body: bool,
    templates: usize,
    fieldsets: Vec<Fieldset>,
    options: Option<Options>,
}

impl<'a> Page<'a> {
    pub(super) fn read(page: &'a str) -> Self {
        let (mut read, mut place) = (Self::default(), Place::default());
        let mut fields = Vec::new();
        let mut tags = Tags::new(page);
        while let Some(tag) = tags.next() {
            if tag.opens("template") {
                place.templates += 1;
            } else if tag.closes("template") {
                place.templates = place.templates.saturating_sub(1);
            } else if place.templates > 0 {
                // The content of a template is not part of the page.
                continue;
            }
            place.follow(&tag);
            read.has_script |= is_script(&tag);
            read.can_be_filled |= tag.attribute("id").is_some() || read.has_script;
            if tag.opens("form") && !place.in_form {
                place.in_form = true;
                read.forms.push(Form::read(&tag));
            } else if tag.closes("form") {
                place.in_form = false;
            } else if place.options.is_some() && tag.opens("button") {
                // It shows the list, and does not send the form.
            } else if let Some(field) = Field::read(&tag) {
                place.options = None;
                let owner = match tag.attribute("form") {
                    Some(id) => Owner::Named(id),
                    None if place.in_form => Owner::Around(read.forms.len() - 1),
                    None => continue,
                };
                if field.kind == Kind::Select {
                    place.options = Some(Options::read(&tag, fields.len()));
                }
                fields.push((owner, Field { is_disabled: field.is_disabled || place.is_disabled(), ..field }));
            } else if tag.opens("option") {
                if let Some(options) = &mut place.options {
                    options.add(&tag, tags.text_ahead(), &mut fields[options.place].1.values);
                }
            } else if tag.opens("meta") {
                read.read_meta(&tag, place.in_body);
            } else if read.base.is_none() && tag.opens("base") {
                read.base = tag.attribute("href");
            }
            if read.forms.len() + fields.len() + place.fieldsets.len() > MAX_FIELDS {
                read.is_cut = true;
                break;
            }
        }
        for (owner, field) in fields {
            let form = match owner {
                Owner::Around(place) => read.forms.get_mut(place),
                Owner::Named(id) => read.forms.iter_mut().find(|form| form.id.as_ref() == Some(&id)),
            };
            if let Some(form) = form {
                form.add(field);
            }
        }
        read
    }

    fn read_meta(&mut self, tag: &Tag<'a>, in_body: bool) {
        let is = |attribute, value| tag.attribute(attribute).is_some_and(|found| found.eq_ignore_ascii_case(value));
        if self.meta.is_none() && tag.attribute("name").as_deref() == Some("csrf-token") {
            self.meta = tag.attribute("content").filter(|content| !content.trim().is_empty());
        } else if is("name", "referrer") {
            self.referrer.extend(tag.attribute("content"));
        } else if !in_body && is("http-equiv", "content-security-policy") {
            self.policies.extend(tag.attribute("content"));
        }
    }

    /// URL to which those of the page are relative.
    pub(super) fn base(&self, page: &Url) -> Url {
        self.base.as_ref().and_then(|base| page.join(base.trim()).ok()).unwrap_or_else(|| page.clone())
    }
}

impl Place {
    /// Follows the elements around fields.
    fn follow(&mut self, tag: &Tag<'_>) {
        self.in_body |= !tag.is_end && !HEAD.iter().any(|name| tag.opens(name));
        if tag.opens("fieldset") {
            let is_disabled = tag.attribute("disabled").is_some();
            self.fieldsets.push(Fieldset { is_disabled, legend: Legend::Awaited });
        } else if tag.closes("fieldset") {
            self.fieldsets.pop();
        } else if tag.closes("select") {
            self.options = None;
        } else if let Some(options) = &mut self.options {
            if tag.opens("optgroup") {
                options.is_group_disabled = tag.attribute("disabled").is_some();
            } else if tag.closes("optgroup") {
                options.is_group_disabled = false;
            }
        } else if let Some(fieldset) = self.fieldsets.last_mut() {
            if tag.opens("legend") && fieldset.legend == Legend::Awaited {
                fieldset.legend = Legend::Open;
            } else if tag.closes("legend") && fieldset.legend == Legend::Open {
                fieldset.legend = Legend::Closed;
            }
        }
    }

    /// True where a fieldset disables all fields.
    fn is_disabled(&self) -> bool {
        self.fieldsets.iter().any(|fieldset| fieldset.is_disabled && fieldset.legend != Legend::Open)
    }
}

impl Options {
    fn read(tag: &Tag<'_>, place: usize) -> Self {
        let is_multiple = tag.attribute("multiple").is_some();
        let is_list = tag.attribute("size").is_some_and(|size| size.trim().parse::<u32>().is_ok_and(|size| size > 1));
        Self { place, is_multiple, takes_first: !is_multiple && !is_list, is_group_disabled: false }
    }

    /// Adds an option, with the text after its tag, to the values of the field.
    fn add<'a>(&mut self, tag: &Tag<'a>, text: &'a str, values: &mut Vec<Cow<'a, str>>) {
        let is_disabled = self.is_group_disabled || tag.attribute("disabled").is_some();
        let is_selected = tag.attribute("selected").is_some();
        if is_selected {
            self.takes_first = false;
            if !self.is_multiple {
                values.clear();
            }
        } else if !self.takes_first || !values.is_empty() {
            return;
        }
        if !is_disabled {
            let label = || decode_text(text).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            values.push(tag.attribute("value").unwrap_or_else(|| label().into()));
        }
    }
}

impl<'a> Sending<'a> {
    fn read(tag: &Tag<'a>, names: [&str; 3]) -> Self {
        let [action, method, enctype] = names.map(|name| tag.attribute(name));
        Self { action, method, enctype }
    }
}

impl<'a> Field<'a> {
    /// Reads a field. `None` for another element, and for a field without a name, except for a button.
    fn read(tag: &Tag<'a>) -> Option<Self> {
        let kind = Kind::read(tag)?;
        let name = tag.attribute("name").unwrap_or_default();
        if name.is_empty() && !kind.is_submit() {
            return None;
        }
        let value = tag.attribute("value");
        let is_checked = tag.attribute("checked").is_some();
        let values = match kind {
            Kind::Checkbox | Kind::Radio if is_checked => vec![value.unwrap_or(Cow::Borrowed("on"))],
            Kind::Checkbox | Kind::Radio | Kind::Select => Vec::new(),
            Kind::Text if tag.opens("textarea") => vec![tag.content()],
            Kind::Text | Kind::Password => vec![sanitized(tag, &value.unwrap_or_default()).into()],
            _ => vec![value.unwrap_or_default()],
        };
        let sending = Sending::read(tag, ["formaction", "formmethod", "formenctype"]);
        let is_disabled = tag.attribute("disabled").is_some();
        let is_scripted = ["onfocus", "onclick"].iter().any(|event| tag.attribute(event).is_some());
        let is_readonly = tag.attribute("readonly").is_some() && !is_scripted;
        Some(Self { name, kind, is_disabled, is_readonly, values, sending })
    }

    /// True for an enabled field with this name.
    pub(super) fn is_sent_as(&self, name: &str) -> bool {
        self.name == name && !self.is_disabled
    }
}

impl Kind {
    /// Kind of an element; `None` for one without a value.
    fn read(tag: &Tag<'_>) -> Option<Self> {
        if !["input", "button", "textarea", "select"].iter().any(|name| tag.opens(name)) {
            return None;
        }
        let kind = tag.attribute("type").unwrap_or_default().to_ascii_lowercase();
        Some(match kind.as_str() {
            _ if tag.opens("select") => Self::Select,
            _ if tag.opens("textarea") => Self::Text,
            "reset" | "button" if tag.opens("button") => Self::Button,
            _ if tag.opens("button") => Self::Submit,
            "submit" => Self::Submit,
            "image" => Self::Image,
            "reset" | "button" => Self::Button,
            "hidden" => Self::Hidden,
            "password" => Self::Password,
            "file" => Self::File,
            "checkbox" => Self::Checkbox,
            "radio" => Self::Radio,
            _ => Self::Text,
        })
    }

    const fn is_submit(self) -> bool {
        matches!(self, Self::Submit | Self::Image)
    }

    /// True for a text of the user.
    pub(super) const fn is_typed(self) -> bool {
        matches!(self, Self::Text | Self::Password)
    }
}

impl<'a> Form<'a> {
    fn read(tag: &Tag<'a>) -> Self {
        Self {
            id: tag.attribute("id"),
            sending: Sending::read(tag, ["action", "method", "enctype"]),
            accept_charset: tag.attribute("accept-charset"),
            fields: Vec::new(),
        }
    }

    fn add(&mut self, field: Field<'a>) {
        if field.kind == Kind::Radio && !field.values.is_empty() {
            // Of several checked ones, the last one counts.
            self.fields.retain(|other| other.kind != Kind::Radio || other.name != field.name);
        }
        self.fields.push(field);
    }

    /// Default button, pressed by the key Enter: the first enabled one. `None` without one.
    fn button(&self) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.kind.is_submit() && !field.is_disabled)
    }

    /// Attribute of the default button, or else of the form.
    fn sending(&self, which: for<'s> fn(&'s Sending<'a>) -> Option<&'s Cow<'a, str>>) -> &str {
        self.button()
            .and_then(|button| which(&button.sending))
            .or_else(|| which(&self.sending))
            .map_or("", |found| found)
    }

    /// True when a browser sends the fields in the body.
    pub(super) fn is_posted(&self) -> bool {
        self.sending(|sending| sending.method.as_ref()).eq_ignore_ascii_case("post")
    }

    pub(super) fn enctype(&self) -> Enctype {
        match self.sending(|sending| sending.enctype.as_ref()).to_ascii_lowercase().as_str() {
            "multipart/form-data" => Enctype::Multipart,
            "text/plain" => Enctype::Plain,
            _ => Enctype::Urlencoded,
        }
    }

    /// Destination of the form of a page. Its action is relative to `base`; without one, it is the page itself.
    pub(super) fn leads_to(&self, page: &Url, base: &Url) -> Option<Url> {
        match self.sending(|sending| sending.action.as_ref()).trim() {
            "" => Some(page.clone()),
            action => base.join(action).ok(),
        }
    }

    /// Names and values, in the order of the page.
    pub(super) fn entries(&self) -> Vec<Entry<'a>> {
        let button = self.button().map(std::ptr::from_ref);
        let mut entries = Vec::new();
        for field in self.fields.iter().filter(|field| !field.is_disabled && field.kind != Kind::Button) {
            let kind = field.kind;
            if kind.is_submit() && button != Some(std::ptr::from_ref(field)) {
                continue;
            }
            if kind == Kind::Image {
                let prefix = if field.name.is_empty() { String::new() } else { format!("{}.", field.name) };
                let at = |axis| Entry { name: format!("{prefix}{axis}").into(), value: "0".into(), kind };
                entries.extend(["x", "y"].map(at));
            } else if !field.name.is_empty() {
                let entry = |value: &Cow<'a, str>| Entry { name: field.name.clone(), value: value.clone(), kind };
                entries.extend(field.values.iter().map(entry));
            }
        }
        entries
    }
}

/// Value of a field of one line, as browsers change it
/// (<https://html.spec.whatwg.org/multipage/input.html#value-sanitization-algorithm>). Colours, ranges and dates stay as they are, since
/// no log-in depends on them.
fn sanitized(tag: &Tag<'_>, value: &str) -> String {
    let line = value.replace(['\r', '\n'], "");
    match tag.attribute("type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "email" | "url" => line.trim_matches(|letter: char| letter.is_ascii_whitespace()).to_owned(),
        "number" if !is_number(&line) => String::new(),
        _ => line,
    }
}

/// True for a number in the form of HTML, without a sign `+` or white space.
fn is_number(text: &str) -> bool {
    let ends_well = text.ends_with(|letter: char| letter.is_ascii_digit());
    let begins_well = text.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.'));
    begins_well && ends_well && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// True for a script that a browser runs, as opposed to data.
fn is_script(tag: &Tag<'_>) -> bool {
    let kind = tag.attribute("type").unwrap_or_default().to_ascii_lowercase();
    tag.opens("script") && (kind.is_empty() || kind == "module" || kind.contains("javascript"))
}
