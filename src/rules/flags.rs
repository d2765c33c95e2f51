//! Flags that block and are no condition of a person.

use serde::{Deserialize, Serialize};

use crate::domain::vocabulary::vocabulary;

vocabulary!(
    /// Flags that are no condition of a person.
    OtherFlag {
        /// Inside a window that the person called inconvenient, or outside all that the person prefers.
        InconvenientWindow = "inconvenient_window",
        /// The medium or address was opted out of.
        OptedOut = "opted_out",
        /// Collection of the case is on hold.
        Hold = "hold",
        /// The case is closed.
        CaseClosed = "case_closed",
        /// Nothing is owed any more: paid, settled or adjusted away.
        PaidOff = "paid_off",
        /// The creditor recalled the case, and did not place it again.
        Recalled = "recalled",
        /// The claim was sold, and the case not placed again.
        Sold = "sold",
        /// The contact names a contact point that is recorded as wrong.
        WrongPoint = "wrong_point",
        /// The contact names a contact point that is recorded as somebody else's by now.
        ReassignedPoint = "reassigned_point",
    }
);
