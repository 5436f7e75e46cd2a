//! `series.dt.strftime`.

use chrono::{Datelike, Timelike};

use super::times_of::{DAYS, MONTHS, Moment, column_of, objects, times_of, weekday};
use crate::run::{Arguments, Run};
use crate::stop::{Outcome, unknown};
use crate::value::Value;

/// A part of a form of `strftime`.
enum Piece {
    Text(char),
    Field(char),
}

fn pieces(form: &str) -> Outcome<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '%' => match characters.next() {
                Some('%') => Piece::Text('%'),
                Some(field) if "YmdHMSfjUaAbByIp".contains(field) => Piece::Field(field),
                _ => return Err(unknown("this field of strftime() is not known here")),
            },
            other if other.is_ascii() && other != '\0' => Piece::Text(other),
            _ => return Err(unknown("this form of strftime() is not known here")),
        });
    }
    Ok(pieces)
}

pub(super) fn strftime(run: &mut Run, object: &Value, arguments: Arguments) -> Outcome {
    let [form] = arguments.exactly(["date_format"])?;
    let form = match &form {
        Value::Text(form) if !form.is_empty() => pieces(form)?,
        _ => return Err(unknown("this form of strftime() is not known here")),
    };
    let data = column_of(run, object)?;
    let rows = times_of(data)?.len();
    // A name of a day or month has nine letters at most.
    run.hold(rows.saturating_mul(form.len()).saturating_mul(9))?;
    run.step(rows.saturating_mul(form.len()))?;
    objects(data, |time| {
        // Python does not fill up the years before.
        if time.year() < 1000 {
            return Err(unknown("strftime() of years before 1000 is not known here"));
        }
        Ok(Value::text(
            form.iter().map(|piece| shown(piece, time)).collect::<String>(),
        ))
    })
}

fn shown(piece: &Piece, time: &Moment) -> String {
    let name = |names: &[&str], place: usize, letters: usize| {
        names
            .get(place)
            .map_or(String::new(), |name| name.chars().take(letters).collect())
    };
    match piece {
        Piece::Text(character) => character.to_string(),
        Piece::Field(field) => match field {
            'Y' => time.year().to_string(),
            'y' => format!("{:02}", time.year() % 100),
            'm' => format!("{:02}", time.month()),
            'd' => format!("{:02}", time.day()),
            'H' => format!("{:02}", time.hour()),
            'I' => format!("{:02}", time.hour12().1),
            'p' => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            'M' => format!("{:02}", time.minute()),
            'S' => format!("{:02}", time.second()),
            'f' => format!("{:06}", time.timestamp_subsec_micros()),
            'j' => format!("{:03}", time.ordinal()),
            'U' => format!(
                "{:02}",
                (time.ordinal() + 6 - time.weekday().num_days_from_sunday()) / 7
            ),
            'a' => name(&DAYS, weekday(time), 3),
            'A' => name(&DAYS, weekday(time), 9),
            'b' => name(&MONTHS, time.month0() as usize, 3),
            _ => name(&MONTHS, time.month0() as usize, 9),
        },
    }
}
