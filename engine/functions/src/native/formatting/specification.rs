//! Format specifications: `[[fill]align][sign][#][0][width][grouping][.precision][kind]`.

use crate::stop::{Outcome, unknown};

/// More is not written here, whatever Python does: a form must not cost more than its text.
const MAX_WIDTH: usize = 10_000;
const MAX_PRECISION: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Specification {
    pub(super) fill: Option<char>,
    pub(super) align: Option<char>,
    pub(super) sign: Option<char>,
    pub(super) is_alternate: bool,
    pub(super) has_zero: bool,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Specification {
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        let characters: Vec<char> = text.chars().collect();
        let mut rest = characters.as_slice();
        let mut this = Self::default();
        let is_align = |character: &char| matches!(character, '<' | '>' | '^' | '=');
        match rest {
            [fill, align, after @ ..] if is_align(align) => {
                (this.fill, this.align) = (Some(*fill), Some(*align));
                rest = after;
            }
            [align, after @ ..] if is_align(align) => {
                this.align = Some(*align);
                rest = after;
            }
            _ => {}
        }
        if let [sign @ ('+' | '-' | ' '), after @ ..] = rest {
            this.sign = Some(*sign);
            rest = after;
        }
        if let ['#', after @ ..] = rest {
            this.is_alternate = true;
            rest = after;
        }
        if let ['0', after @ ..] = rest {
            this.has_zero = true;
            rest = after;
        }
        this.width = number(&mut rest, MAX_WIDTH)?.unwrap_or(0);
        if let [grouping @ (',' | '_'), after @ ..] = rest {
            this.grouping = Some(*grouping);
            rest = after;
        }
        if let ['.', after @ ..] = rest {
            rest = after;
            this.precision = number(&mut rest, MAX_PRECISION)?;
            if this.precision.is_none() {
                return Err(unknown("this format is not known here"));
            }
        }
        match rest {
            [] => {}
            [kind] if kind.is_ascii_alphabetic() || *kind == '%' => this.kind = Some(*kind),
            _ => return Err(unknown("this format is not known here")),
        }
        Ok(this)
    }
}

fn number(rest: &mut &[char], max: usize) -> Outcome<Option<usize>> {
    let count = rest.iter().take_while(|character| character.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(count);
    *rest = after;
    if digits.is_empty() {
        return Ok(None);
    }
    let number = digits.iter().collect::<String>().parse().ok();
    match number.filter(|number| *number <= max) {
        Some(number) => Ok(Some(number)),
        None => Err(unknown("a format so wide is not known here")),
    }
}

/// A sign and what follows it, filled up to the width.
pub(super) fn padded(sign: &str, body: &str, specification: &Specification, default: char) -> Outcome<String> {
    let length = sign.chars().count() + body.chars().count();
    let missing = specification.width.saturating_sub(length);
    let (mut fill, mut align) = (specification.fill, specification.align);
    if specification.has_zero {
        fill = fill.or(Some('0'));
        align = align.or(Some('='));
    }
    let fill = fill.unwrap_or(' ').to_string();
    let align = align.unwrap_or(default);
    if align == '=' && specification.grouping.is_some() && fill == "0" && missing > 0 {
        return Err(unknown("groups of digits among zeros are not known here"));
    }
    let fill = |count: usize| fill.repeat(count);
    Ok(match align {
        '<' => format!("{sign}{body}{}", fill(missing)),
        '^' => format!("{}{sign}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{sign}{}{body}", fill(missing)),
        _ => format!("{}{sign}{body}", fill(missing)),
    })
}
