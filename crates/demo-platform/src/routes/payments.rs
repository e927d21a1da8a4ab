//! Payments of a school, as the platform lists them: synthetic ones, and those of its fictional users.
//!
//! The platform records the payment of an intent at Stripe a minute later.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::answers::dialect::{format_time, zone};
use crate::answers::laravel::{Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::LoggedIn;
use crate::names::Names;
use crate::partners::stripe::{Intent, intents};
use crate::platform::Platform;
use crate::routes::bookings::own_school;
use crate::routes::finance;

const RECORDED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Delay of a payment that is recorded late.
const LATE_BY: SignedDuration = SignedDuration::from_mins(95);
const PER_PAGE: usize = 50;
/// The school whose students pay.
const SCHOOL: u32 = 1;

/// Index of the payment that faults affect: paid, old enough to be recorded on both sides, and not refunded, since a second
/// record of a refunded payment is its refund.
fn fault_target(intents: &[Intent], now: i64) -> Option<usize> {
    let long_enough = LATE_BY.as_secs() + 300;
    intents.iter().rposition(|intent| intent.has_succeeded && !intent.is_refunded() && intent.paid + long_enough < now)
}

/// A payment as recorded by the platform. There are thousands, so each is serialised only on request.
#[derive(Clone, Copy)]
struct Recorded {
    id: usize,
    /// The provider's payment intent; `None` if the provider has none.
    intent: Option<Intent>,
    amount: u64,
    currency: &'static str,
    status: &'static str,
    at: i64,
}

impl Recorded {
    /// The payment as the platform lists it.
    fn list_item(&self) -> Value {
        json!({
            "id": self.id,
            "provider_reference": self.intent.map_or_else(|| "pi_demo_unknown".to_owned(), |intent| intent.id()),
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "created_at": format_time(Timestamp::from_second(self.at).unwrap_or_default()),
            "synthetic": false,
        })
    }
}

/// The payments recorded by the platform.
fn recorded(platform: &Platform) -> Vec<Recorded> {
    let now = platform.now().as_second();
    let intents = intents(platform);
    let target = fault_target(&intents, now);
    let mut list = Vec::new();
    for (index, intent) in intents.iter().enumerate().filter(|(_, intent)| intent.has_succeeded) {
        let is_hit_by = |fault| Some(index) == target && platform.has(fault);
        let at = intent.paid + if is_hit_by(Fault::PaymentLate) { LATE_BY.as_secs() } else { RECORDED_AFTER.as_secs() };
        if at > now || is_hit_by(Fault::PaymentMissingOnPlatform) {
            continue;
        }
        let payment = Recorded {
            id: 600_000 + index,
            intent: Some(*intent),
            amount: intent.amount + u64::from(is_hit_by(Fault::PaymentAmountDiffers)) * 100,
            currency: if is_hit_by(Fault::PaymentCurrencyDiffers) { "eur" } else { "dkk" },
            status: match intent.is_refunded() {
                _ if is_hit_by(Fault::PaymentStatusDiffers) => "failed",
                true => "refunded",
                false => "succeeded",
            },
            at,
        };
        // The payment that is unknown to the provider is added to the known one.
        if is_hit_by(Fault::PaymentMissingAtProvider) {
            list.push(Recorded { id: 500_000 + index, intent: None, ..payment });
        }
        if is_hit_by(Fault::PaymentRecordedTwice) {
            list.push(Recorded { id: 500_000 + index, ..payment });
        }
        list.push(payment);
    }
    list
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.school_payments, get(index))
}

async fn index(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(school): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let own = own_school(&user, &school);
    let Some(school) = platform.seed.schools.iter().find(|school| Some(school.id) == own) else {
        return Problem::Forbidden.answer(client);
    };
    if !school.online_payment {
        let error = ("school", "Online payment is not enabled for this school.".to_owned());
        return Problem::Invalid { status: 409, errors: vec![error] }.answer(client);
    }
    let midnight = |day: Date| day.to_zoned(zone()).map(|at| at.timestamp().as_second()).ok();
    let day = |name: &str| query.get(name).and_then(|day| day.parse::<Date>().ok());
    let (from, to) = (day("from").and_then(midnight), day("to").and_then(|day| midnight(day.saturating_add(1.day()))));
    let is_requested = |at: i64| from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to);
    let mut synthetic = finance::synthetic_payments(&platform, school);
    synthetic.retain(|(at, _)| is_requested(at.as_second()));
    let mut user_payments = if school.id == SCHOOL { recorded(&platform) } else { Vec::new() };
    user_payments.retain(|payment| is_requested(payment.at));
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let before = (page - 1) * PER_PAGE;
    let user_payments_before = before.saturating_sub(synthetic.len());
    // Only the payments on the page are serialised; serialising all of them for each page would take minutes.
    let synthetic = synthetic.into_iter().skip(before).map(|(_, payment)| payment);
    let user_payments = user_payments.iter().skip(user_payments_before).map(Recorded::list_item);
    let mut list: Vec<Value> = synthetic.chain(user_payments).take(PER_PAGE + 1).collect();
    let next = (list.len() > PER_PAGE).then_some(page + 1);
    list.truncate(PER_PAGE);
    platform.page(list, next)
}
