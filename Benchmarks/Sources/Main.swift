import BackupCore
import Foundation

/// Measures our own parts, one row a line in JSON. Peers are no business of this program: bench.py sets commands beside each other.
@main
enum Main {
    private static let usage = """
        usage: Benchmarks next-slot SCHEDULE.json    next slots of the jobs of that schedule
               Benchmarks scanner                    the reader of scripts
               Benchmarks retention                  retention decisions
               Benchmarks year JOBS DAYS ROUNDS      a simulation of so many jobs and days
               Benchmarks fill-catalog FOLDER RUNS   no measure: a catalog with so many runs of 50 jobs

        """

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("Benchmarks: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ words: [String]) throws {
        switch (words.first, words.count) {
        case ("next-slot", 2): try NextSlotMeasure.run(schedule: words[1])
        case ("scanner", 1): try ScannerMeasure.run()
        case ("retention", 1): try RetentionMeasure.run()
        case ("year", 4):
            let numbers = words.dropFirst().compactMap(Int.init)
            guard numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) else { throw Failure(.usage, usage) }
            try YearMeasure.run(jobs: numbers[0], days: numbers[1], rounds: numbers[2])
        case ("fill-catalog", 3):
            guard let runs = Int(words[2]), runs > 0 else { throw Failure(.usage, usage) }
            try CatalogFilling.fill(folder: words[1], runs: runs)
        default: throw Failure(.usage, usage)
        }
    }
}
