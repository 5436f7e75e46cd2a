//! What calls cost. Prints, and asserts nothing: `cargo test --release -p feast-python-workers times -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use feast_functions::{Mode, Output};
use feast_model::ValueType;
use tokio::runtime::Runtime;

use crate::support::{function, input, pool};

const PYTHON: &str =
    "def f(i):\n    return {'o': [a + b for a, b in zip(i['x'], i['y'])], 'p': [a / 3 for a in i['x']]}\n";
const PANDAS: &str = "def f(df):\n    out = pd.DataFrame()\n    out['o'] = df['x'] + df['y']\n    out['p'] = df['x'] / 3\n    return out\n";

#[test]
#[ignore = "it prints times"]
fn times() {
    let Some(pool) = pool(vec![
        function("python", Mode::Python, PYTHON),
        function("pandas", Mode::Pandas, PANDAS),
    ]) else {
        return;
    };
    let outputs = ["o", "p"].map(|name| Output {
        name,
        value_type: &ValueType::Float64,
    });
    let runtime = Runtime::new().unwrap();
    for (view, rows, calls) in [
        ("python", 1, 20_000),
        ("python", 100, 10_000),
        ("pandas", 1, 2_000),
        ("pandas", 100, 2_000),
    ] {
        let x: ArrayRef = Arc::new((0..rows).collect::<Int64Array>());
        let y: ArrayRef = Arc::new((0..rows).map(|row| row as f64).collect::<Float64Array>());
        let rows = x.len();
        let inputs = [input("x", &ValueType::Int64, x), input("y", &ValueType::Float64, y)];
        let blocking = median(calls, || pool.call_blocking(view, &inputs, &outputs, rows).unwrap());
        let task = median(calls, || {
            runtime.block_on(pool.call(view, &inputs, &outputs, rows)).unwrap()
        });
        println!("{view}, {rows} rows: {blocking} us blocking, {task} us awaited (medians of {calls})");
    }
}

fn median<T>(calls: usize, mut call: impl FnMut() -> T) -> u128 {
    let mut times: Vec<u128> = (0..calls)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed().as_nanos() / 100
        })
        .collect();
    times.sort_unstable();
    times[calls / 2] / 10
}
