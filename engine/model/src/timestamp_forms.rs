//! The forms in which points in time are written, as pandas and dateutil read them.

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// Dates that are understood, most usual first, with the order of day and month where it cannot be seen. Names of months
/// may be short.
const DATE_FORMS: &[(&str, Option<Order>)] = &[
    ("%Y-%m-%d", None),
    ("%Y/%m/%d", None),
    ("%Y.%m.%d", None),
    ("%Y%m%d", None),
    ("%m/%d/%Y", Some(Order::MonthFirst)),
    ("%d/%m/%Y", Some(Order::DayFirst)),
    ("%m/%d/%y", Some(Order::MonthFirst)),
    ("%d/%m/%y", Some(Order::DayFirst)),
    ("%m-%d-%Y", Some(Order::MonthFirst)),
    ("%d-%m-%Y", Some(Order::DayFirst)),
    ("%m.%d.%Y", Some(Order::MonthFirst)),
    ("%d.%m.%Y", Some(Order::DayFirst)),
    ("%B %d, %Y", None),
    ("%B %d %Y", None),
    ("%d %B %Y", None),
    ("%d-%B-%Y", None),
    ("%Y-%B-%d", None),
    ("%a, %d %B %Y", None),
    ("%A, %d %B %Y", None),
];
/// Times of day, which follow a date and a blank or a `T`.
const TIME_FORMS: &[&str] = &[
    "%H:%M:%S%.f",
    "%H:%M",
    "%I:%M%p",
    "%I:%M %p",
    "%I:%M:%S%p",
    "%I:%M:%S %p",
    "%H%M%S%.f",
    "%H%M",
];
/// Forms that hold both.
const WHOLE_FORMS: &[&str] = &["%a %B %e %H:%M:%S %Y", "%Y%m%d%H%M%S"];
/// Years before it are other numbers, unless they are written with all four digits in front.
const MIN_SHORT_YEAR: i32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    MonthFirst,
    DayFirst,
}

/// Whether the month or the day comes first in dates of numbers, such as `07/08/2026`: the month, unless the first of them
/// can only be a day. The first such date of a column decides for the others, as in pandas.
#[derive(Debug, Clone, Copy, Default)]
pub struct DateOrder(Option<Order>);

/// The date and time without the offset, and the offset in seconds east of UTC if there is one.
pub(super) fn parse(string: &str, order: &mut DateOrder) -> Option<(NaiveDateTime, Option<i32>)> {
    let (local, offset) = split_offset(string.trim());
    Some((parse_local(local, order)?, offset))
}

fn parse_local(string: &str, order: &mut DateOrder) -> Option<NaiveDateTime> {
    let by_parts = DATE_FORMS.iter().find_map(|(form, form_order)| {
        if form_order.is_some() && order.0.is_some() && order.0 != *form_order {
            return None;
        }
        let (date, rest) = NaiveDate::parse_and_remainder(string, form).ok()?;
        let time = parse_time(rest).filter(|_| is_meant(date.year(), string))?;
        order.0 = order.0.or(*form_order);
        Some(date.and_time(time))
    });
    by_parts.or_else(|| {
        let mut forms = WHOLE_FORMS.iter();
        let time = forms.find_map(|form| NaiveDateTime::parse_from_str(string, form).ok());
        time.filter(|time| is_meant(time.year(), string))
    })
}

/// Whether a number is meant to be a year: `26-01-02` is not of the year 26, but `0026-01-02` is.
fn is_meant(year: i32, string: &str) -> bool {
    let leading_digits = string.bytes().take_while(u8::is_ascii_digit).count();
    year >= MIN_SHORT_YEAR || leading_digits == 4
}

/// What follows a date.
fn parse_time(string: &str) -> Option<NaiveTime> {
    let rest = string.strip_prefix(',').unwrap_or(string);
    if rest.is_empty() {
        return Some(NaiveTime::MIN);
    }
    // Python's logging writes fractions after a comma.
    let time = rest.strip_prefix(['T', 't', ' '])?.trim().replace(',', ".");
    TIME_FORMS
        .iter()
        .find_map(|form| NaiveTime::parse_from_str(&time, form).ok())
}

/// Splits a trailing `Z`, `+02:00`, `+0200` or `+02` off and gives it in seconds east of UTC.
fn split_offset(string: &str) -> (&str, Option<i32>) {
    for suffix in ["Z", "z", "UTC", "GMT"] {
        if let Some(local) = string.strip_suffix(suffix) {
            return (local.trim_end(), Some(0));
        }
    }
    // A sign is an offset only after a time of day: dates hold '-' too.
    let Some(colon) = string.find(':') else {
        return (string, None);
    };
    let Some(sign) = string[colon..].rfind(['+', '-']).map(|position| position + colon) else {
        return (string, None);
    };
    let digits: String = string[sign + 1..]
        .chars()
        .filter(|character| *character != ':')
        .collect();
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = match digits.len() {
        2 if all_digits => (digits.parse::<i32>().ok(), Some(0)),
        4 if all_digits => (digits[..2].parse().ok(), digits[2..].parse().ok()),
        _ => return (string, None),
    };
    let seconds = hours.zip(minutes).map(|(hours, minutes)| hours * 3600 + minutes * 60);
    let signed = seconds.map(|seconds| {
        if string.as_bytes()[sign] == b'-' {
            -seconds
        } else {
            seconds
        }
    });
    match signed.filter(|seconds| FixedOffset::east_opt(*seconds).is_some()) {
        Some(seconds) => (string[..sign].trim_end(), Some(seconds)),
        None => (string, None),
    }
}
