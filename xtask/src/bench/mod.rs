//! `cargo xtask bench`: what does a request cost in Purlin, and what would it cost by hand?
//!
//! Requests a second depend on the machine and on who else uses it. So the measure is the ratio of CPU time a
//! request between Purlin and `bench/ceiling`, both loaded in turns within one run, on the same data, by the same
//! client. `--self-check` puts the ceiling in Purlin's place: its ratios are the noise of the method.

mod load;
mod options;
pub(crate) mod process;
mod report;
mod sites;
mod workloads;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Outcome;
use load::Load;
use options::{Database, Options};
use report::{Measure, Report, Standing};
use sites::{Ground, Target};
use workloads::{WORKLOADS, Workload};

/// Each server is started this often, and the median of the times to its first answer counts.
const STARTS: usize = 5;

/// Between the first answer and the look at how much memory is used: nothing is asked meanwhile.
const IDLE: Duration = Duration::from_secs(5);

/// Before a measurement, so that caches are warm and statements prepared.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long one server is loaded before it is the other's turn.
const SLICES_PER_SECOND: usize = 4;
const SLICE: Duration = Duration::from_millis(1000 / SLICES_PER_SECOND as u64);

/// Builds, makes the data, measures and reports.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments)?;
    let places = Places::find()?;
    places.build(options.self_check)?;
    // In this order they end from the last to the first: servers, their databases, the databases' server.
    let ground = Ground::new(options.database)?;
    let sites = sites::make(&places, &ground, options.self_check)?;
    let mut starts = Vec::new();
    let mut targets = Vec::new();
    for site in &sites {
        let (target, start_ms) = site.start(STARTS)?;
        starts.push(Standing { start_ms, idle_bytes: 0, loaded_bytes: 0 });
        targets.push(target);
    }
    process::rest(IDLE);
    for (target, standing) in targets.iter().zip(&mut starts) {
        standing.idle_bytes = target.process.resident_bytes()?;
    }
    let wanted: Vec<&Workload> = WORKLOADS.iter().filter(|workload| options.wants(workload.name)).collect();
    let measures = measure(&targets, &wanted, &options)?;
    for (target, standing) in targets.iter().zip(&mut starts) {
        standing.loaded_bytes = target.process.resident_bytes()?;
    }
    let names = targets.iter().map(|target| target.name).collect();
    let database = options.database;
    let report =
        Report { database, names, rows: wanted.into_iter().zip(measures).collect(), standings: starts };
    report.print();
    if options.write { report.write(&places.root.join("docs/performance.md")) } else { Ok(()) }
}

/// Measures round by round; gives the measures by workload and by target.
fn measure(
    targets: &[Target],
    workloads: &[&Workload],
    options: &Options,
) -> Outcome<Vec<Vec<Vec<Measure>>>> {
    let mut measures = vec![vec![Vec::new(); targets.len()]; workloads.len()];
    for round in 0..options.rounds {
        report::progress(&format!("round {} of {}", round + 1, options.rounds));
        for (workload, measures) in workloads.iter().zip(&mut measures) {
            let slices = usize::try_from(options.seconds)? * SLICES_PER_SECOND;
            for (measures, measure) in measures.iter_mut().zip(measure_round(targets, workload, slices)?) {
                measures.push(measure);
            }
        }
    }
    Ok(measures)
}

/// Loads the servers in turns, a slice each: whatever else the machine does meanwhile falls upon both. A server that
/// has no requests uses no CPU, so its time is counted from its first slice to its last.
fn measure_round(targets: &[Target], workload: &Workload, slices: usize) -> Outcome<Vec<Measure>> {
    for target in targets {
        load::drive(target, workload, WARM_UP)?;
    }
    let before: Vec<u64> =
        targets.iter().map(|target| target.process.cpu_micros()).collect::<Outcome<_>>()?;
    let mut loads: Vec<Load> = targets.iter().map(|_| Load::default()).collect();
    for slice in 0..slices {
        for turn in 0..targets.len() {
            // Whoever goes second finds another machine than the first: they take turns in that too.
            let which = (turn + slice) % targets.len();
            loads[which].add(load::drive(&targets[which], workload, SLICE)?);
        }
    }
    let measured = loads.into_iter().zip(targets).zip(before);
    measured
        .map(|((load, target), before)| Ok(summed_up(load, target.process.cpu_micros()? - before)))
        .collect()
}

fn summed_up(load: Load, cpu_us: u64) -> Measure {
    let Load { mut latencies_us, elapsed, body_bytes } = load;
    latencies_us.sort_unstable();
    let requests = latencies_us.len();
    let percentile = |percent: usize| f64::from(latencies_us[(requests - 1) * percent / 100]) / 1000.0;
    Measure {
        cpu_us: cpu_us as f64 / requests as f64,
        per_second: requests as f64 / elapsed.as_secs_f64(),
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        bytes: body_bytes as f64 / requests as f64,
    }
}

/// Where things are.
struct Places {
    root: PathBuf,
    target: PathBuf,
    work: PathBuf,
}

impl Places {
    fn find() -> Outcome<Places> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no workspace")?.to_owned();
        // This program is TARGET/debug/xtask, wherever TARGET was set to be.
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).ok_or("xtask runs outside a target folder")?.to_owned();
        let work = target.join("bench");
        Ok(Places { root, target, work })
    }

    /// Builds each by itself: built together, they would share the features that either wants of a crate.
    fn build(&self, self_check: bool) -> Outcome {
        let packages: &[&str] =
            if self_check { &["purlin-bench-ceiling"] } else { &["purlin-bench-ceiling", "purlin"] };
        for package in packages {
            let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            cargo.current_dir(&self.root).args(["build", "--release", "--target-dir"]).arg(&self.target);
            if !cargo.args(["--package", package]).status()?.success() {
                return Err("the release build failed".into());
            }
        }
        Ok(())
    }

    /// A release binary.
    fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}
