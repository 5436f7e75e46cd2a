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
            _ => number.to_string(),
        },
        None => scientific,
    }
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
    }
}
