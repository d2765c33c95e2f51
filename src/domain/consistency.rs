//! How new an answer has to be.

/// What a read asks of the state that it is answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// What is at hand: at most a quarter of a second behind another server's commits.
    #[default]
    Fastest,
    /// Everything up to this revision of the market, and maybe more.
    AtLeast(u64),
    /// Everything that was committed before the read began.
    Full,
}

impl Consistency {
    /// Reads `fastest`, `fully-consistent` or `at-least=<revision>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "fastest" => Some(Self::Fastest),
            "fully-consistent" => Some(Self::Full),
            _ => {
                let digits = text.strip_prefix("at-least=")?;
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                plain
                    .then(|| digits.parse().ok().filter(|revision| i64::try_from(*revision).is_ok()))?
                    .map(Self::AtLeast)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_and_nothing_else() {
        assert_eq!(Consistency::parse("fastest"), Some(Consistency::Fastest));
        assert_eq!(Consistency::parse("fully-consistent"), Some(Consistency::Full));
        assert_eq!(Consistency::parse("at-least=12"), Some(Consistency::AtLeast(12)));
        for bad in
            ["", "at-least", "at-least=", "at-least=-1", "at-least=+1", "at-least=1.0", "at-least=99999999999999999999"]
        {
            assert_eq!(Consistency::parse(bad), None, "{bad}");
        }
        assert_eq!(Consistency::parse(&format!("at-least={}", u64::MAX)), None);
    }
}
