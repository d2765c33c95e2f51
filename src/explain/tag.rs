//! Language tags (BCP 47): which are well formed, and which language answers a wish (RFC 4647, lookup).

/// Longest tag that is read.
const MAX_TAG: usize = 64;

/// A well-formed tag as far as languages are told apart by it: letters and digits in parts of one to eight, the first of
/// two to eight letters.
#[must_use]
pub fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or("");
    let letters = (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= MAX_TAG && letters && parts.all(part)
}

/// The same in lower case, as files name languages.
pub(super) fn is_plain(tag: &str) -> bool {
    is_tag(tag) && !tag.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The tag and what is left of it when its last parts are dropped one by one: `de-at`, then `de`. A single letter goes
/// with the part after it.
pub fn wider(tag: &str) -> impl Iterator<Item = String> {
    let mut next = Some(tag.to_ascii_lowercase());
    std::iter::from_fn(move || {
        let now = next.take()?;
        let mut rest = now.rsplit_once('-').map(|(rest, _)| rest);
        while let Some((above, last)) = rest.and_then(|rest| rest.rsplit_once('-')) {
            if last.len() > 1 {
                break;
            }
            rest = Some(above);
        }
        next = rest.map(str::to_owned);
        Some(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_texts() {
        for tag in ["de", "de-AT", "zh-Hant-TW", "sl-rozaj-1994", "en-x-us"] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", "d", "de_AT", "de-", "-de", "deutschland-x", "12", "de at", &"a-".repeat(40)] {
            assert!(!is_tag(text), "{text}");
        }
    }

    #[test]
    fn the_wider_tag_answers_where_the_narrower_is_not_known() {
        let all = |tag: &str| wider(tag).collect::<Vec<_>>();
        assert_eq!(all("de-AT"), ["de-at", "de"]);
        assert_eq!(all("en-US-x-fiscal"), ["en-us-x-fiscal", "en-us", "en"]);
    }
}
