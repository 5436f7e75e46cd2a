//! Floats as Python's `str` and `repr` write them.

/// A number as Python's `str` writes it: shortest digits, an exponent below 1e-4 and from 1e16 on.
pub fn python_float<Float>(number: Float) -> String
where
    Float: Copy + Into<f64> + std::fmt::Display + std::fmt::LowerExp,
{
    let double: f64 = number.into();
    if double.is_nan() {
        return "nan".to_owned();
    }
    if double.is_infinite() {
        return if double > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..16).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.abs())
            }
            _ if double.fract() == 0.0 => format!("{number}.0"),
            _ => even_tie(double).unwrap_or_else(|| number.to_string()),
        },
        None => scientific,
    }
}

/// Where two shortest decimals are equally near, as of 900719925474099.25, Python takes the even one. That happens for quarters of this size
/// only: of smaller floats no shortest decimal is halfway, and larger ones have no quarters.
fn even_tie(number: f64) -> Option<String> {
    const SMALLEST: f64 = (1_u64 << 49) as f64;
    const LARGEST: f64 = (1_u64 << 51) as f64;
    if !(SMALLEST..LARGEST).contains(&number.abs()) {
        return None;
    }
    let even = format!("{number:.1}");
    (even.parse() == Ok(number)).then_some(even)
}

#[cfg(test)]
mod tests {
    use super::python_float;

    #[test]
    fn floats_are_written_as_python_does() {
        let strings = [
            0.1,
            1e-7,
            0.0001,
            1e16,
            123456789012345.0,
            -0.0,
            1.5e300,
            1e100,
            f64::INFINITY,
        ]
        .map(python_float);
        assert_eq!(
            strings,
            [
                "0.1",
                "1e-07",
                "0.0001",
                "1e+16",
                "123456789012345.0",
                "-0.0",
                "1.5e+300",
                "1e+100",
                "inf"
            ]
        );
        assert_eq!(python_float(0.1_f32), "0.1");
        for (number, expected) in [
            (900_719_925_474_099.0 + 0.25, "900719925474099.2"),
            (900_719_925_474_099.0 + 0.75, "900719925474099.8"),
            (-1_125_899_906_842_624.0 - 0.25, "-1125899906842624.2"),
            (1_125_899_906_842_624.0 + 0.75, "1125899906842624.8"),
            (1125899906842624.5, "1125899906842624.5"),
            (562_949_953_421_312.0 + 0.125, "562949953421312.1"),
            (562949953421312.4, "562949953421312.4"),
            (2251799813685249.5, "2251799813685249.5"),
        ] {
            assert_eq!(python_float(number), expected);
        }
    }
}
