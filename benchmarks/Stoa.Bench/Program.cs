using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Stoa.Bench;

Benchmark[] benchmarks =
[
    new("main-job", "submit to result over HTTP on a warm node, throughput, start to ready", MainJobBench.RunAsync),
    new("storage", "durable acts on the embedded database with 1, 16 and 256 concurrent writers", StorageBench.RunAsync),
];

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

var json = args.Contains("--json");
var names = args.Where(argument => !argument.StartsWith('-')).ToList();
if (names.Count == 0)
{
    Console.WriteLine("usage: ./bench NAME [--json]");
    Console.WriteLine();
    foreach (var benchmark in benchmarks)
        Console.WriteLine($"  {benchmark.Name,-12} {benchmark.Summary}");
    return 0;
}

foreach (var name in names)
{
    var benchmark = Array.Find(benchmarks, candidate => candidate.Name == name);
    if (benchmark is null)
    {
        Console.Error.WriteLine($"bench: no benchmark '{name}'; there are {string.Join(", ", benchmarks.Select(known => known.Name))}.");
        return 2;
    }

    var figures = await benchmark.RunAsync(step => Tell(step, json), stop.Token);
    if (json)
        Console.WriteLine(JsonSerializer.Serialize(figures.Values.ToDictionary(figure => figure.Name, figure => Math.Round(figure.Value, 4))));
    else
        Show(benchmark, figures);
}

return 0;

// Steps go to stderr, so that stdout is the table or the JSON alone.
static void Tell(string step, bool quiet)
{
    if (!quiet)
        Console.Error.WriteLine($"· {step}");
}

static void Show(Benchmark benchmark, Figures figures)
{
    var table = new Table().Title(benchmark.Summary).AddColumn(benchmark.Name).AddColumn(new TableColumn("value").RightAligned());
    foreach (var (name, value) in figures.Values)
        table.AddRow(name, value.ToString(value >= 100 ? "N0" : "N3", CultureInfo.InvariantCulture));
    AnsiConsole.Write(table);
}
