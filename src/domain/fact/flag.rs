//! Flags of a fact that measures filter by.

/// The contact was tried.
pub const ATTEMPT: u16 = 1;
/// Somebody was reached.
pub const CONNECT: u16 = 2;
/// The right party was reached.
pub const RIGHT_PARTY: u16 = 4;
/// Something about the debt was conveyed.
pub const COMMUNICATION: u16 = 8;
/// Without an agent: no person of the collector made it, nor the contact or promise that it came of.
pub const SELF_SERVICE: u16 = 16;
/// The activity was checked before.
pub const CHECKED: u16 = 32;
/// The activity overrode a presumption.
pub const OVERRIDDEN: u16 = 64;
/// It was the first attempt of its case by call, or a promise was made on that.
pub const FIRST_ATTEMPT: u16 = 128;
/// It was the first right-party call of its case, or a promise was made on that.
pub const FIRST_RIGHT_PARTY: u16 = 256;

/// The claim was bought.
pub const PURCHASED: u16 = 512;

/// The primary party has a phone number that works and was verified.
pub const PHONE: u16 = 1_024;
/// The primary party has an e-mail address that works and was verified.
pub const EMAIL: u16 = 2_048;
/// The rule tested asks for a notice.
pub const NOTICE: u16 = 4_096;
/// The case was placed before, and comes back.
pub const AGAIN: u16 = 8_192;

/// The case had left (recalled, sold or moved out): when the payment came of which the fact is, else when it was told. It is in no
/// balance here.
pub const AFTER_RECALL: u16 = 16_384;
/// Of the promises of a call that were kept, it is the first one.
pub const FIRST_KEPT_OF_CALL: u16 = 32_768;

/// Names as measures write them.
pub const NAMES: [(&str, u16); 16] = [
    ("attempt", ATTEMPT),
    ("connect", CONNECT),
    ("right_party", RIGHT_PARTY),
    ("communication", COMMUNICATION),
    ("self_service", SELF_SERVICE),
    ("checked", CHECKED),
    ("overridden", OVERRIDDEN),
    ("first_attempt", FIRST_ATTEMPT),
    ("first_right_party", FIRST_RIGHT_PARTY),
    ("purchased", PURCHASED),
    ("phone", PHONE),
    ("email", EMAIL),
    ("notice", NOTICE),
    ("again", AGAIN),
    ("after_recall", AFTER_RECALL),
    ("first_kept_of_call", FIRST_KEPT_OF_CALL),
];
