//! Answers of the query protocol as JSON values, so that one reader serves all protocols.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Most levels of an answer.
const MAX_DEPTH: usize = 32;

/// An element that is being read.
#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<(String, Value)>,
}

/// Reads an answer: the value of its outermost element, with that element's name. Elements without children are texts, lists
/// of `member` or `item` arrays, and lists of `entry` objects. `None`: this is not XML, or nested too deeply.
pub(super) fn read(xml: &str) -> Option<(String, Value)> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() < MAX_DEPTH => {
                let name = String::from_utf8(start.local_name().as_ref().to_vec()).ok()?;
                open.push(Element { name, ..Element::default() });
            }
            Event::Empty(empty) => {
                let name = String::from_utf8(empty.local_name().as_ref().to_vec()).ok()?;
                open.last_mut()?.children.push((name, Value::String(String::new())));
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.decode().ok()?);
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().ok()?;
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::End(_) => {
                let element = open.pop()?;
                let (name, value) = (element.name.clone(), value(element));
                match open.last_mut() {
                    Some(parent) => parent.children.push((name, value)),
                    None => return Some((name, value)),
                }
            }
            Event::CData(data) => open.last_mut()?.text.push_str(&data.decode().ok()?),
            Event::Start(_) | Event::Eof => return None,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
}

fn value(element: Element) -> Value {
    let Element { text, children, .. } = element;
    let all_are = |name: &str| children.iter().all(|(child, _)| child == name);
    if children.is_empty() {
        return Value::String(text);
    }
    if all_are("member") || all_are("item") {
        return children.into_iter().map(|(_, value)| value).collect();
    }
    if all_are("entry") {
        let pair = |(_, entry): &(String, Value)| Some((entry["key"].as_str()?.to_owned(), entry["value"].clone()));
        return Value::Object(children.iter().filter_map(pair).collect());
    }
    Value::Object(children.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_maps_and_texts_are_distinguished() {
        for (name, xml, expected) in [
            ("text", "<A> x &lt;&#233;&amp; </A>", json!(" x <é& ")),
            ("empty elements", "<A><B/><C></C></A>", json!({ "B": "", "C": "" })),
            (
                "a list",
                "<A><L>\n<member><N>1</N></member>\n<member>2</member></L></A>",
                json!({ "L": [{ "N": "1" }, "2"] }),
            ),
            ("a list of EC2", "<A xmlns='u'><s><item><i>1</i></item></s></A>", json!({ "s": [{ "i": "1" }] })),
            (
                "a map",
                "<A><entry><key>k</key><value>v</value></entry><entry><key>e</key><value/></entry></A>",
                json!({ "k": "v", "e": "" }),
            ),
            ("CDATA", "<?xml version=\"1.0\"?><!-- c --><A><![CDATA[<x>]]></A>", json!("<x>")),
        ] {
            assert_eq!(read(xml), Some(("A".to_owned(), expected)), "{name}");
        }
    }

    #[test]
    fn malformed_and_endless_answers_are_refused() {
        let deep = "<a>".repeat(10_000);
        for xml in ["", "text", "<A><B></A>", "<A>", "{}", "<A>&unknown;</A>", &deep] {
            assert_eq!(read(xml), None, "{}", &xml[..xml.len().min(40)]);
        }
    }
}
