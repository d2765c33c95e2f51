//! Which known word a misspelt one was meant to be.

/// `, did you mean "x"?` if a known name is at most two letters away.
pub(crate) fn nearest(text: &str, names: &[&str]) -> String {
    if text.len() > 64 {
        return String::new();
    }
    names
        .iter()
        .map(|name| (distance(text, name), *name))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map_or(String::new(), |(_, name)| format!(", did you mean \"{name}\"?"))
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(&b) {
            let next = (diagonal + usize::from(x != *y)).min(*slot + 1).min(left + 1);
            diagonal = *slot;
            *slot = next;
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
