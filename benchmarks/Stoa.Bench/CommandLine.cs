namespace Stoa.Bench;

/// <summary>What stdout is to be.</summary>
internal enum OutputFormat
{
    Table,
    Json,
    Markdown,
}

/// <summary>What was typed after <c>./bench</c>.</summary>
/// <param name="Benchmarks">To be run, one after the other.</param>
/// <param name="Only">Parts of them; empty: all.</param>
/// <param name="Format">Of stdout.</param>
internal sealed record CommandLine(IReadOnlyList<Benchmark> Benchmarks, IReadOnlyList<string> Only, OutputFormat Format)
{
    /// <summary>Reads the arguments; null and a complaint when they ask for what is not there.</summary>
    public static CommandLine? Parse(string[] arguments, Benchmark[] known, out string complaint)
    {
        complaint = "";
        var benchmarks = new List<Benchmark>();
        var only = new List<string>();
        var format = OutputFormat.Table;
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument == "--json")
                format = OutputFormat.Json;
            else if (argument == "--markdown")
                format = OutputFormat.Markdown;
            else if (argument == "--only" && i + 1 < arguments.Length)
                only.AddRange(arguments[++i].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
            else if (Array.Find(known, benchmark => benchmark.Name == argument) is { } benchmark)
                benchmarks.Add(benchmark);
            else
                complaint = $"there is no '{argument}'; the benchmarks are {string.Join(", ", known.Select(benchmark => benchmark.Name))}.";
        }

        var parts = benchmarks.SelectMany(benchmark => benchmark.Parts).ToList();
        if (only.Find(name => !parts.Contains(name)) is { } unknown)
            complaint = $"nothing is called '{unknown}'; the parts are {(parts.Count == 0 ? "none" : string.Join(", ", parts))}.";
        return complaint.Length > 0 ? null : new CommandLine(benchmarks, only, format);
    }

    public static void WriteUsage(Benchmark[] known, TextWriter output)
    {
        output.WriteLine("usage: ./bench NAME [--json | --markdown] [--only PART[,PART]]");
        output.WriteLine();
        foreach (var benchmark in known)
        {
            output.WriteLine($"  {benchmark.Name,-12} {benchmark.Summary}");
            if (benchmark.Parts.Count > 0)
                output.WriteLine($"  {"",-12} parts: {string.Join(", ", benchmark.Parts)}");
        }
    }
}
