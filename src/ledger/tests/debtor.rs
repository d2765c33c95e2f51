//! Of whom promises are told: the principal debtor as the version in force names him.

use proptest::prelude::*;

use super::history::History;
use super::*;

/// What is told of judged promises, net, by all but the value; by the value too of those that are told of a debtor.
type Told = BTreeMap<(i32, String, i64, i64, u16), i64>;

fn net(folded: &Folded, kind: FactKind) -> (Told, BTreeMap<Option<i64>, i64>) {
    let (mut told, mut values) = (Told::new(), BTreeMap::new());
    for fact in folded.facts.iter().filter(|fact| fact.kind == kind) {
        let count = i64::from(fact.sign) * fact.count;
        let dims = format!("{:?}", fact.dims);
        *told.entry((fact.day, dims, fact.amount, fact.amount2, fact.flags)).or_default() += count;
        *values.entry(fact.value).or_default() += count;
    }
    told.retain(|_, count| *count != 0);
    values.retain(|_, count| *count != 0);
    (told, values)
}

/// Each judged promise is told once more of the debtor whom the last version names, and of nobody if it names nobody.
pub(super) fn debtors_agree(folded: &Folded, history: &History) -> Result<(), TestCaseError> {
    let (judged, _) = net(folded, FactKind::PromiseJudged);
    let (told, values) = net(folded, FactKind::DebtorPromiseJudged);
    let last = history.versions.last().and_then(CaseVersion::primary);
    let debtor = last.map(|party| crate::domain::ids::short_form(party.person.as_str()).cast_signed());
    let all: i64 = judged.values().sum();
    match debtor {
        Some(debtor) if all > 0 => prop_assert_eq!(values, BTreeMap::from([(Some(debtor), all)])),
        _ => prop_assert!(values.is_empty(), "{:?}", values),
    }
    if debtor.is_some() {
        prop_assert_eq!(told, judged);
    }
    Ok(())
}
