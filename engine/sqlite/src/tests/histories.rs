//! Which of several writes is kept.

use feast_rows::Replace;
use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

#[test]
fn the_newest_second_is_kept_and_within_it_the_later_arrival() {
    let opened = Opened::new();
    let check = |row: Row<'_>, written: usize, expected: &str| {
        let count = opened.write(&[row]);
        assert_eq!((count.written, count.stale), (written, 1 - written), "{row:?}");
        assert_eq!(opened.read(1), expected, "{row:?}");
    };
    check((1, 10 * SECOND, None, Some(1), Some("x")), 1, "a=1 b=x at 10");
    check((1, 9 * SECOND, None, Some(2), Some("y")), 0, "a=1 b=x at 10");
    check((1, 10 * SECOND, None, Some(3), None), 1, "a=3 b=null at 10");
    // Fractions are not stored, so the later arrival wins, whichever has the greater fraction.
    check((1, 11 * SECOND - 1, None, Some(4), None), 1, "a=4 b=null at 10");
    check((1, 10 * SECOND, None, Some(5), None), 1, "a=5 b=null at 10");
    check(
        (1, 10 * SECOND, Some(3 * SECOND), Some(6), None),
        1,
        "a=6 b=null at 10 created 3",
    );
    check((1, 10 * SECOND, None, Some(7), None), 0, "a=6 b=null at 10 created 3");
    check(
        (1, 10 * SECOND, Some(2 * SECOND), Some(7), None),
        0,
        "a=6 b=null at 10 created 3",
    );
    check(
        (1, 10 * SECOND, Some(3 * SECOND + 9), Some(8), None),
        1,
        "a=8 b=null at 10 created 3",
    );
    check((1, 12 * SECOND, None, Some(9), Some("")), 1, "a=9 b= at 12");
}

#[test]
fn times_before_1970_are_times_like_others() {
    let opened = Opened::new();
    opened.write(&[(1, -5 * SECOND, None, Some(1), None)]);
    assert_eq!(opened.read(1), "a=1 b=null at -5");
    assert_eq!(opened.write(&[(1, -6 * SECOND, None, Some(2), None)]).stale, 1);
    // As Python cuts it.
    opened.write(&[(1, -SECOND / 2, None, Some(3), None)]);
    assert_eq!(opened.read(1), "a=3 b=null at 0");
}

#[test]
fn of_one_batch_the_newest_row_is_kept_whatever_the_order() {
    let opened = Opened::new();
    let count = opened.write(&[
        (1, 2 * SECOND, None, Some(2), None),
        (2, SECOND, None, Some(7), None),
        (1, 3 * SECOND, None, Some(3), None),
        (1, SECOND, None, Some(1), None),
    ]);
    assert_eq!((count.written, count.stale), (2, 2));
    assert_eq!(opened.read(1), "a=3 b=null at 3");
    assert_eq!(opened.read(2), "a=7 b=null at 1");
    assert_eq!(opened.read(3), "nothing");
}

#[test]
fn without_comparison_the_last_arrival_is_kept() {
    let opened = Opened::new();
    opened.write(&[(1, 9 * SECOND, None, Some(9), None)]);
    let rows = [
        (1, 3 * SECOND, None, Some(3), None),
        (1, 2 * SECOND, None, Some(2), None),
    ];
    opened.try_write(&rows, Replace::AllRows).unwrap();
    assert_eq!(opened.read(1), "a=2 b=null at 2");
}

/// Python's SDK may write some features of a row alone.
#[test]
fn a_row_is_as_new_as_its_newest_feature() {
    let opened = Opened::new();
    opened.write(&[(1, 10 * SECOND, None, Some(1), Some("x"))]);
    opened.run("UPDATE p_v SET event_ts = 20, value = x'2009' WHERE feature_name = 'a'");
    assert_eq!(opened.read(1), "a=9 b=x at 20");
    assert_eq!(opened.write(&[(1, 15 * SECOND, None, Some(2), Some("y"))]).stale, 1);
    assert_eq!(opened.read(1), "a=9 b=x at 20");
}

#[test]
fn a_row_that_comes_from_the_log_of_pushes_of_another_process_is_written_as_it_is() {
    let (first, second) = (Opened::new(), Opened::new());
    let columns = [
        Arc::new(Int64Array::from(vec![5])) as ArrayRef,
        Arc::new(StringArray::from(vec!["x"])),
    ];
    let encoder = first.store.row_encoder("v", &view_v().features).unwrap();
    let (mut keys, mut rows) = (PackedBytes::default(), PackedBytes::default());
    keys.push_with(|out| {
        encoder.start_key(out);
        out.extend_from_slice(&entity(1));
    });
    rows.push_with(|out| encoder.encode(version(SECOND, None), &columns, 0, out));
    second.store.follow(&[]);
    second.store.write_rows(&keys, &rows, Replace::OlderRows).unwrap();
    second.store.follow(&[view_v()]);
    assert_eq!(second.read(1), "a=5 b=x at 1");
    // What is damaged is an error, and nothing of it is written.
    for cut in 1..rows.get(0).len() {
        let mut damaged = PackedBytes::default();
        damaged.push_with(|out| out.extend_from_slice(&rows.get(0)[..cut]));
        let outcome = second.store.write_rows(&keys, &damaged, Replace::AllRows);
        // A row may end after the header: it then has no features.
        assert_eq!(outcome.is_ok(), cut == 17 || cut == feature_end(rows.get(0)), "{cut}");
    }
}

/// Where the first feature of a row ends: name, value, and the string of the value with its kind.
fn feature_end(row: &[u8]) -> usize {
    let length = |at: usize| u32::from_le_bytes(row[at..at + 4].try_into().unwrap()) as usize;
    let value_at = 17 + 4 + length(17);
    let text_at = value_at + 4 + length(value_at) + 1;
    text_at + 4 + length(text_at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any writes in any batches leave what they would leave one by one.
    #[test]
    fn batches_do_not_matter(
        rows in proptest::collection::vec((0_i64..3, 0_i64..40, proptest::option::of(0_i64..40), proptest::option::of(0_i64..9)), 1..40),
        size in 1_usize..9,
    ) {
        let quarter = SECOND / 4;
        let rows: Vec<Row<'_>> = rows
            .into_iter()
            .map(|(id, event, created, a)| (id, event * quarter, created.map(|created| created * quarter), a, Some("x")))
            .collect();
        let (batches, single) = (Opened::new(), Opened::new());
        rows.chunks(size).for_each(|rows| { batches.write(rows); });
        rows.iter().for_each(|row| { single.write(&[*row]); });
        for id in 0..3 {
            // The model: the greatest version in whole seconds, the last of equal ones.
            let seconds = |row: &&Row<'_>| (row.1 / SECOND, row.2.map(|created| created / SECOND));
            let newest = rows.iter().filter(|row| row.0 == id).max_by_key(seconds);
            let expected = newest.map_or_else(|| "nothing".to_owned(), |row| {
                let a = row.3.map_or_else(|| "null".to_owned(), |a| a.to_string());
                let created = row.2.map_or_else(String::new, |created| format!(" created {}", created / SECOND));
                format!("a={a} b=x at {}{created}", row.1 / SECOND)
            });
            prop_assert_eq!(&batches.read(id), &expected);
            prop_assert_eq!(&single.read(id), &expected);
        }
    }
}
