//! Reads Rust source just well enough to search it: comments and texts blanked, test code told apart.

/// A source text with the content of comments, string and character literals replaced by spaces. Lines stay as they
/// are, so a position in one is a position in the other.
pub fn blanked(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = token_to_blank(bytes, at);
        if end > at {
            out.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The end of the comment or literal that begins at `at`; `at` itself if none does.
fn token_to_blank(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return at + block_comment(rest);
    }
    if rest[0] == b'"' {
        return at + quoted(rest, b'"');
    }
    if !in_word && (rest[0] == b'r' || rest.starts_with(b"br")) {
        let prefix = if rest[0] == b'r' { 1 } else { 2 };
        let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(prefix + hashes) == Some(&b'"') {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = prefix + hashes + 1;
            let length = rest[body..].windows(close.len()).position(|window| window == close);
            return length.map_or(bytes.len(), |length| at + body + length + close.len());
        }
    }
    if rest[0] == b'\'' {
        // A lifetime has no closing quote right behind its first character.
        let character = rest.get(1) == Some(&b'\\') || {
            let text = String::from_utf8_lossy(&rest[1..rest.len().min(8)]).into_owned();
            text.chars().nth(1) == Some('\'')
        };
        return if character { at + quoted(rest, b'\'') } else { at };
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The blanked text without the items that stand behind `#[cfg(test)]`, which stay as empty lines.
pub fn without_test_items(blanked: &str) -> String {
    let mut text = blanked.to_owned();
    let mut from = 0;
    while let Some(found) = text[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = item_end(&text, start + "#[cfg(test)]".len());
        let empty: String = text[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        text.replace_range(start..end, &empty);
        from = start;
    }
    text
}

/// The end of the item that begins at `start`: its `;`, or the brace that closes its body.
fn item_end(text: &str, start: usize) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Every use of `name` as a path root or word: (line, column) counted from 1.
pub fn positions(text: &str, name: &str) -> Vec<usize> {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    text.match_indices(name)
        .filter(|(at, _)| {
            let starts = bytes.get(at.wrapping_sub(1));
            let first = name.as_bytes().first();
            let ends = name.as_bytes().last();
            !(word(first) && word(starts) || word(ends) && word(bytes.get(at + name.len())))
        })
        .map(|(at, _)| at)
        .collect()
}

/// The line of a byte position, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The names of the crate's top modules that a file reaches by `crate::`, or by as many `super::` as lead to the root,
/// each with its position. `depth` is the number of modules the file lies under.
pub fn crate_paths(text: &str, depth: usize) -> Vec<(String, usize)> {
    let up = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", up.as_str()] {
        if root.is_empty() {
            continue;
        }
        for at in positions(text, root) {
            let inner = text[..at].ends_with("super::") || text[..at].ends_with('$');
            let rest = &text[at + root.len()..];
            if inner || rest.starts_with("super::") {
                continue;
            }
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(group_names(group).into_iter().map(|name| (name, at)));
            } else {
                found.push((identifier(rest), at));
            }
        }
    }
    found
}

/// The first names of the members of `{a::b, c::{d}, e}` behind its opening brace.
fn group_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut expect_name) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expect_name = true,
            c if depth == 0 && expect_name && (c.is_alphanumeric() || c == '_') => {
                names.push(identifier(&group[at..]));
                expect_name = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn blanking_keeps_code_and_drops_texts() {
    let source =
        "let a = \"crate::x\"; // crate::y\nlet c = '\"'; fn f<'a>(s: &'a str) {} let r = r#\"crate::\"z\"#; g()";
    let text = blanked(source);
    assert!(!text.contains("crate"), "{text}");
    assert!(text.contains("fn f<'a>(s: &'a str) {}") && text.ends_with("g()"), "{text}");
    assert_eq!(text.len(), source.len());
}

#[test]
fn test_items_are_told_apart() {
    let source = "fn a() { x.unwrap() }\n#[cfg(test)]\nmod tests { fn b() { y.unwrap() } }\nfn c() { z }\n#[cfg(test)]\nmod t;\nq";
    let text = without_test_items(source);
    assert!(text.contains("x.unwrap()") && !text.contains("y.unwrap()") && text.contains("fn c()"), "{text}");
    assert!(!text.contains("mod t;") && text.ends_with('q'));
}

#[test]
fn paths_to_the_root_are_found() {
    let paths = |text: &str, depth| crate_paths(text, depth).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(paths("use crate::{domain::{a, b}, rules, store as s};", 1), ["domain", "rules", "store"]);
    assert_eq!(paths("crate::kpi::x(); super::super::store::y()", 2), ["kpi", "store"]);
    assert_eq!(paths("super::store::y(); $crate::ignored", 2), Vec::<String>::new());
}
