using System.Globalization;
using Spectre.Console;

namespace Stoa.Bench;

/// <summary>Figures as tables: groups with the same keys side by side, then the single ones.</summary>
internal static class FigureTables
{
    private const int WidthWithoutTerminal = 160;

    public static void Show(Benchmark benchmark, Figures figures)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = WidthWithoutTerminal;
        foreach (var rows in Tables(benchmark, figures))
        {
            var table = new Table().AddColumn(rows[0][0]);
            foreach (var head in rows[0].Skip(1))
                table.AddColumn(new TableColumn(head).RightAligned());
            foreach (var row in rows.Skip(1))
                table.AddRow([.. row.Select(Markup.Escape)]);
            AnsiConsole.Write(table);
        }
    }

    public static void WriteMarkdown(Benchmark benchmark, Figures figures, TextWriter output)
    {
        foreach (var rows in Tables(benchmark, figures))
        {
            output.WriteLine($"| {string.Join(" | ", rows[0])} |");
            output.WriteLine($"|---|{string.Concat(Enumerable.Repeat("---:|", rows[0].Length - 1))}");
            foreach (var row in rows.Skip(1))
                output.WriteLine($"| {string.Join(" | ", row)} |");
            output.WriteLine();
        }
    }

    /// <summary>Tables as rows of cells, heads first.</summary>
    private static IEnumerable<List<string[]>> Tables(Benchmark benchmark, Figures figures)
    {
        foreach (var groups in figures.Groups.GroupBy(group => string.Join(' ', group.Keys)))
        {
            var columns = groups.ToList();
            List<string[]> rows = [[benchmark.Name, .. columns.Select(column => column.Name)]];
            rows.AddRange(columns[0].Keys.Select((key, i) => (string[])[key, .. columns.Select(column => Text(column.Values[i].Value))]));
            yield return rows;
        }

        if (figures.Values.Count > 0)
            yield return [[benchmark.Name, "value"], .. figures.Values.Select(figure => (string[])[figure.Name, Text(figure.Value)])];
    }

    private static string Text(double value) =>
        value.ToString(Math.Abs(value) switch { >= 100 => "N0", >= 10 => "N1", _ => "N3" }, CultureInfo.InvariantCulture);
}
