//! Columns as they are stored: words once, packed. What is stored is made of the history alone, so that bytes of another form are
//! made anew instead of being read.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::{Columns, Run};
use super::numbers::{Numbers, Optional};
use super::varint::DecodeError;
use crate::domain::case_dimensions::{MOST, case_words};
use crate::domain::fact::{Dims, FactKind};
use crate::domain::money::Currency;
use crate::domain::vocabulary::{Channel, Direction};

/// Grows with every change of the form, and where dimensions or flags of facts come to mean something else.
pub const COLUMNS_FORM: u32 = 2;
/// How many words dimensions have.
const WORDS: usize = 19 + MOST;
/// Quick rather than small.
const LEVEL: i32 = 1;

/// What is stored: `Numbers` and `Optional` as they are, or looked at.
#[derive(Serialize, Deserialize)]
struct Stored<N, O> {
    form: u32,
    words: Vec<Arc<str>>,
    /// Numbers of the words of each run's dimensions, in the order of [`words_of`]; 0: none.
    dims: Vec<[u32; WORDS]>,
    ends: Vec<u32>,
    plain: [N; 7],
    optional: [O; 5],
}

/// Every dimension. Whoever adds one adds it here, and to [`dims_of`].
fn words_of(dims: &Dims) -> [Option<&str>; WORDS] {
    let Dims { agent, team, client, portfolio, product, stage, campaign, template, rule, jurisdiction, .. } = dims;
    let Dims { channel, direction, state, source, sequence, segment, bucket, to_bucket, currency, case: _, .. } = dims;
    let text = Option::as_deref;
    let [one, two, three, four, five, six] = dims.case_words();
    [
        text(agent),
        text(team),
        text(client),
        text(portfolio),
        text(product),
        text(stage),
        text(campaign),
        text(template),
        text(rule),
        text(jurisdiction),
        channel.map(Channel::as_str),
        direction.map(Direction::as_str),
        text(state),
        text(source),
        text(sequence),
        text(segment),
        text(bucket),
        text(to_bucket),
        currency.as_ref().map(Currency::code),
        one,
        two,
        three,
        four,
        five,
        six,
    ]
}

/// The dimensions of these words; `None` where one is no word of its list.
fn dims_of(words: [Option<&Arc<str>>; WORDS]) -> Option<Dims> {
    /// The word's value in its list.
    fn listed<T>(word: Option<&Arc<str>>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
        word.map_or(Some(None), |word| parse(word).map(Some))
    }
    let [agent, team, client, portfolio, product, stage, campaign, template, rule, jurisdiction, ..] = words;
    let [.., channel, direction, state, source, sequence, segment, bucket, to_bucket, currency, _, _, _, _, _, _] =
        words;
    let [.., one, two, three, four, five, six] = words.map(|word| word.map(|word| &**word));
    Some(Dims {
        agent: agent.cloned(),
        team: team.cloned(),
        client: client.cloned(),
        portfolio: portfolio.cloned(),
        product: product.cloned(),
        stage: stage.cloned(),
        campaign: campaign.cloned(),
        template: template.cloned(),
        rule: rule.cloned(),
        jurisdiction: jurisdiction.cloned(),
        channel: listed(channel, Channel::parse)?,
        direction: listed(direction, Direction::parse)?,
        state: state.cloned(),
        source: source.cloned(),
        sequence: sequence.cloned(),
        segment: segment.cloned(),
        bucket: bucket.cloned(),
        to_bucket: to_bucket.cloned(),
        currency: listed(currency, Currency::parse)?,
        case: case_words([one, two, three, four, five, six]),
    })
}

impl Columns {
    /// Packs columns of facts of one kind.
    ///
    /// # Errors
    /// There is no memory to pack them.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        let (mut words, mut numbers): (Vec<Arc<str>>, HashMap<&str, u32>) = (Vec::new(), HashMap::new());
        let mut number = |word| {
            *numbers.entry(word).or_insert_with(|| {
                words.push(Arc::from(word));
                words.len() as u32
            })
        };
        let dims = self.runs.iter().map(|run| words_of(&run.dims).map(|word| word.map_or(0, &mut number))).collect();
        let ends = self.runs.iter().map(|run| run.end).collect();
        let stored = Stored { form: COLUMNS_FORM, words, dims, ends, plain: self.plain(), optional: self.optional() };
        let bytes = postcard::to_stdvec(&stored).map_err(|_| DecodeError::Invalid("sum of facts"))?;
        zstd::bulk::compress(&bytes, LEVEL).map_err(|_| DecodeError::Invalid("sum of facts"))
    }

    /// Reads columns of facts of a kind.
    ///
    /// # Errors
    /// The bytes are damaged, or of another form.
    pub fn decode(kind: FactKind, bytes: &[u8]) -> Result<Self, DecodeError> {
        let invalid = || DecodeError::Invalid("sum of facts");
        let bytes = zstd::decode_all(bytes).map_err(|_| invalid())?;
        let stored: Stored<Numbers, Optional> = postcard::from_bytes(&bytes).map_err(|_| invalid())?;
        let Stored { form, words, dims, ends, plain, optional } = stored;
        let facts = ends.last().map_or(0, |end| *end as usize);
        let whole = form == COLUMNS_FORM
            && dims.len() == ends.len()
            && ends.is_sorted()
            && plain.iter().chain(optional.iter().map(Optional::numbers)).all(|numbers| numbers.has(facts));
        if !whole {
            return Err(invalid());
        }
        let word = |number: u32| match number.checked_sub(1) {
            None => Some(None),
            Some(place) => words.get(place as usize).map(Some),
        };
        let run = |(dims, end): ([u32; WORDS], u32)| {
            let found = dims.map(word);
            if found.contains(&None) {
                return None;
            }
            Some(Run { kind, dims: Arc::new(dims_of(found.map(Option::flatten))?), end })
        };
        let runs = dims.into_iter().zip(ends).map(run).collect::<Option<Vec<Run>>>().ok_or_else(invalid)?;
        Ok(Self::of(runs, plain, optional))
    }
}
