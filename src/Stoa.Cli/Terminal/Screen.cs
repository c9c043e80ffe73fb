using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>Where a command writes. What was asked for goes to standard output; notes, progress and errors to standard error.</summary>
/// <remarks>On a terminal there are tables and colours (without colours when NO_COLOR is set); elsewhere plain text, tables as lines of
/// tab-separated cells. With <c>--json</c> standard output carries JSON alone and notes are silent.</remarks>
internal sealed class Screen
{
    private static readonly StoaJson s_indented = new(new JsonSerializerOptions(Relaxed()) { WriteIndented = true });
    private static readonly StoaJson s_oneLine = new(Relaxed());

    private readonly IAnsiConsole _output;

    public Screen(Surroundings surroundings, bool isJson)
    {
        Surroundings = surroundings;
        IsJson = isJson;
        var isDumb = surroundings.Variable("TERM") == "dumb";
        IsRich = surroundings.IsOutputTerminal && !isDumb && !isJson;
        CanShowProgress = surroundings.IsErrorTerminal && !isDumb && !isJson;
        _output = Open(surroundings, surroundings.Out, IsRich);
        Notes = Open(surroundings, isJson ? TextWriter.Null : surroundings.Error, CanShowProgress);
        Progress = Open(surroundings, isJson ? TextWriter.Null : surroundings.Error, CanShowProgress, isDrawn: true);
        Errors = Open(surroundings, surroundings.Error, surroundings.IsErrorTerminal && !isDumb);
    }

    public Surroundings Surroundings { get; }

    public bool IsJson { get; }

    /// <summary>Whether standard output is a terminal that a person looks at.</summary>
    public bool IsRich { get; }

    /// <summary>Whether standard error is a terminal that can redraw a line.</summary>
    public bool CanShowProgress { get; }

    /// <summary>Standard error for what is good to know; silent with <c>--json</c>.</summary>
    public IAnsiConsole Notes { get; }

    /// <summary>Standard error for a line that is drawn anew, and for a question that hides its answer.</summary>
    public IAnsiConsole Progress { get; }

    /// <summary>Standard error for what went wrong.</summary>
    public IAnsiConsole Errors { get; }

    /// <summary>Writes a line of plain text to standard output.</summary>
    public void Line(string text = "") => Surroundings.Out.WriteLine(text);

    /// <summary>Writes plain text to standard output as it is, at once.</summary>
    public void Text(string text)
    {
        Surroundings.Out.Write(text);
        Surroundings.Out.Flush();
    }

    /// <summary>Writes a line of markup to standard output.</summary>
    public void Markup(string markup) => _output.MarkupLine(markup);

    /// <summary>Writes a line of markup to standard error, for people.</summary>
    public void Note(string markup) => Notes.MarkupLine(markup);

    /// <summary>Writes a value as the API gives it.</summary>
    public void Json<T>(T value, Func<StoaJson, JsonTypeInfo<T>> type) =>
        Surroundings.Out.WriteLine(JsonSerializer.Serialize(value, type(s_indented)));

    /// <summary>Writes a value as the API gives it, with members that are not part of it; those without a value are left out.</summary>
    public void JsonWith<T>(T value, Func<StoaJson, JsonTypeInfo<T>> type, params IReadOnlyList<(string Name, JsonNode? Value)> members)
    {
        var json = JsonSerializer.SerializeToNode(value, type(s_indented))!.AsObject();
        foreach (var (name, member) in members.Where(member => member.Value is not null))
            json[name] = member;
        Surroundings.Out.WriteLine(json.ToJsonString(s_indented.Options));
    }

    /// <summary>Writes a value as one line, for streams.</summary>
    public void JsonLine<T>(T value, Func<StoaJson, JsonTypeInfo<T>> type)
    {
        Surroundings.Out.WriteLine(JsonSerializer.Serialize(value, type(s_oneLine)));
        Surroundings.Out.Flush();
    }

    /// <summary>Writes an object that is not part of the API. Values are strings, numbers, truths or lists of strings.</summary>
    public void JsonObject(params IReadOnlyList<(string Name, object? Value)> members) =>
        Surroundings.Out.WriteLine(ObjectOf(members).ToJsonString(s_indented.Options));

    /// <summary>As <see cref="JsonObject"/>, on one line of standard error.</summary>
    public void ErrorObject(params IReadOnlyList<(string Name, object? Value)> members) =>
        Surroundings.Error.WriteLine(ObjectOf(members).ToJsonString(s_oneLine.Options));

    /// <summary>Writes a refusal as one line of JSON to standard error.</summary>
    public void JsonErrorLine(Problem problem) =>
        Surroundings.Error.WriteLine(JsonSerializer.Serialize(problem, s_oneLine.Problem));

    /// <summary>Writes a table. Cells are plain text.</summary>
    public void Table(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        if (!IsRich)
        {
            Line(string.Join('\t', headings.Select(heading => heading.ToUpperInvariant().Replace(' ', '_'))));
            foreach (var row in rows)
                Line(string.Join('\t', row.Select(Format.Line)));
            return;
        }

        _output.Write(new TableView(headings, [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Select(Format.Clean)])], _output.Profile.Width).Render());
    }

    /// <summary>Writes names and values under each other. Values are markup on a terminal and stripped of it elsewhere.</summary>
    public void Facts(params IReadOnlyList<(string Name, string? Markup)> facts) => Facts(_output, IsRich, facts);

    /// <summary>As <see cref="Facts(IReadOnlyList{ValueTuple{string, string}})"/>, on standard error.</summary>
    public void NoteFacts(params IReadOnlyList<(string Name, string? Markup)> facts) => Facts(Notes, CanShowProgress, facts);

    private static void Facts(IAnsiConsole console, bool isTerminal, IReadOnlyList<(string Name, string? Markup)> facts)
    {
        var present = facts.Where(fact => fact.Markup is not null).ToList();
        var width = present.Max(fact => fact.Name.Length);
        if (!isTerminal)
        {
            var nextLine = "\n" + new string(' ', width + 4);
            foreach (var (name, markup) in present)
                console.Profile.Out.Writer.WriteLine($"  {name.PadRight(width)}  {Spectre.Console.Markup.Remove(markup!).Replace("\n", nextLine, StringComparison.Ordinal)}");
            return;
        }

        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadLeft(2).PadRight(2).Width(width)).AddColumn(new GridColumn().PadRight(0));
        foreach (var (name, markup) in present)
            grid.AddRow($"[grey]{name.EscapeMarkup()}[/]", markup!);
        console.Write(grid);
    }

    private static JsonObject ObjectOf(IReadOnlyList<(string Name, object? Value)> members)
    {
        var json = new JsonObject();
        foreach (var (name, value) in members.Where(member => member.Value is not null))
        {
            json[name] = value switch
            {
                string text => text,
                long number => number,
                bool truth => truth,
                IEnumerable<string> texts => new JsonArray([.. texts.Select(text => JsonValue.Create(text))]),
                _ => throw new ArgumentException($"{name} is of a type that is not written: {value?.GetType()}.", nameof(members)),
            };
        }

        return json;
    }

    private static IAnsiConsole Open(Surroundings surroundings, TextWriter writer, bool isTerminal, bool isDrawn = false)
    {
        var hasColour = isTerminal && string.IsNullOrEmpty(surroundings.Variable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = hasColour || (isTerminal && isDrawn) ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = hasColour ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
        });
        const int unwrapped = 4000;
        console.Profile.Width = isTerminal ? surroundings.TerminalWidth ?? 100 : unwrapped;
        return console;
    }

    private static JsonSerializerOptions Relaxed() => new()
    {
        // The output goes to a terminal or a program, not into a web page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };
}
