using Spectre.Console;
using Spectre.Console.Rendering;

namespace Stoa.Cli.Terminal;

/// <summary>A table for a terminal of a certain width. No column is ever left out, and ids stay whole.</summary>
/// <remarks>Where the table is too wide its longest text breaks into lines; where that is not enough each row becomes a few lines of its own.</remarks>
internal sealed class TableView(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows, int terminalWidth)
{
    private const int FewestTextCells = 24;
    private const int Indent = 2;

    private readonly int[] _widths =
        [.. headings.Select((heading, column) => rows.Select(row => Cells(row[column])).Append(Cells(heading)).Max())];

    public IRenderable Render()
    {
        // A line of the frame before each column and after the last, and a space on either side of each cell.
        var overhead = (3 * headings.Count) + 1;
        var excess = _widths.Sum() + overhead - terminalWidth;
        if (excess <= 0)
            return Framed(textColumn: null);
        var longest = Array.IndexOf(_widths, _widths.Max());
        return IsText(longest) && _widths[longest] - excess >= FewestTextCells ? Framed(longest) : Stacked();
    }

    private Table Framed(int? textColumn)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey39);
        for (var column = 0; column < headings.Count; column++)
        {
            var heading = new TableColumn($"[grey]{headings[column].EscapeMarkup()}[/]");
            table.AddColumn(column == textColumn ? heading : heading.NoWrap());
        }

        foreach (var row in rows)
            table.AddRow(row.Select(cell => (IRenderable)new Text(cell)));
        return table;
    }

    private Rows Stacked()
    {
        var lines = new List<IRenderable>();
        foreach (var row in rows)
        {
            lines.Add(new Text(row[0], new Style(decoration: Decoration.Bold)));
            var rest = string.Join("  ", row.Skip(1).Where((cell, index) => cell.Length > 0 && !IsText(index + 1)));
            var texts = row.Where((cell, column) => column > 0 && cell.Length > 0 && IsText(column));
            foreach (var line in texts.Prepend(rest).Where(line => line.Length > 0))
                lines.Add(new Padder(new Text(line), new Padding(Indent, 0, 0, 0)));
        }

        return new Rows(lines);
    }

    private bool IsText(int column) => _widths[column] > FewestTextCells && rows.Any(row => row[column].Contains(' '));

    private static int Cells(string text) => new Segment(text).CellCount();
}
