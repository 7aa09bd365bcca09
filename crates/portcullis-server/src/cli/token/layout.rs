//! JSON laid out anew as it stands: the order of its members, double ones and the digits of its numbers stay.

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On one line, without blanks.
    Line,
    /// A member a line, indented by two blanks more than its surroundings, which are so far in.
    Lines(usize),
}

/// Lays out a text that is JSON; of any other the result is of no use.
pub(super) fn laid_out(json: &str, layout: Layout) -> String {
    let (mut out, mut depth) = (String::with_capacity(json.len()), 0_usize);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                copy_text(&mut chars, &mut out);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    begin_line(&mut out, layout, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                begin_line(&mut out, layout, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                begin_line(&mut out, layout, depth);
            }
            ':' => out.push_str(if layout == Layout::Line { ":" } else { ": " }),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// The rest of a text in quotes, up to its end.
fn copy_text(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '"' => return,
            '\\' => out.extend(chars.next()),
            _ => {}
        }
    }
}

fn begin_line(out: &mut String, layout: Layout, depth: usize) {
    if let Layout::Lines(indent) = layout {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent + 2 * depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\"b\" :1.0e5, \"a\": [ ] , \"b\":[{ },\n{\"x\\\"{\":\"\\\\\", \"y\" : null }] }";

    #[test]
    fn what_stands_there_stays() {
        let line = laid_out(JSON, Layout::Line);
        assert_eq!(line, r#"{"b":1.0e5,"a":[],"b":[{},{"x\"{":"\\","y":null}]}"#);
        assert_eq!(laid_out(&line, Layout::Line), line);
        let lines = laid_out(JSON, Layout::Lines(2));
        assert_eq!(laid_out(&lines, Layout::Line), line);
        assert_eq!(
            lines,
            "{\n    \"b\": 1.0e5,\n    \"a\": [],\n    \"b\": [\n      {},\n      {\n        \"x\\\"{\": \"\\\\\",\n        \
             \"y\": null\n      }\n    ]\n  }"
        );
    }
}
