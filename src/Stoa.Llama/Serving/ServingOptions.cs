using System.Globalization;
using Stoa.Llama.Engine;

namespace Stoa.Llama.Serving;

/// <summary>A model that is served over OpenAI's API at an address of this machine.</summary>
public sealed record ServingOptions
{
    /// <summary>The header that says whose a request is, in a word that only the node knows: what one has read is used again for nobody else.</summary>
    public const string ScopeHeader = "Stoa-Scope";

    /// <summary>The GGUF file.</summary>
    public required string File { get; init; }

    /// <summary>The folder of llama.cpp's libraries.</summary>
    public required string Library { get; init; }

    /// <summary>What the model is called; null, the default, is the file's name without its ending.</summary>
    public string? Name { get; init; }

    /// <summary>Of 127.0.0.1; 0, the default, is any that is free.</summary>
    public int Port { get; init; }

    /// <summary>What callers have to send as <c>Authorization: Bearer</c>; null, the default, is nothing.</summary>
    public string? Key { get; init; }

    /// <summary>The most bytes of a request. Default 16,777,216.</summary>
    public int MaxRequestBytes { get; init; } = 16 << 20;

    /// <summary>How the model is run.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>What the model is called.</summary>
    public string ModelName => Name ?? Path.GetFileNameWithoutExtension(File);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (ModelName.Length is 0 or > 256 || ModelName.Any(char.IsControl))
            yield return "A model's name has 1 to 256 characters, none of them a control character.";
        if (Key is { Length: 0 or > 4_096 })
            yield return "A key has 1 to 4096 characters.";
        if (Port is < 0 or > 65_535)
            yield return "A port is from 0 to 65535.";
        if (MaxRequestBytes is < 1_024 or > 1 << 30)
            yield return "The most bytes of a request are from 1024 to 1073741824.";
        foreach (var reason in Engine.Validate())
            yield return reason;
    }

    /// <summary>As arguments of a program: what <see cref="Read"/> reads. The key is not among them, since everybody on a machine sees those.</summary>
    public IReadOnlyList<string> ToArguments()
    {
        List<string> arguments = [File, "--library", Library, "--name", ModelName, "--port", Number(Port), "--slots", Number(Engine.Slots), "--step", Number(Engine.StepTokens), "--waiting", Number(Engine.MaxWaiting), "--request-bytes", Number(MaxRequestBytes)];
        if (Engine.ContextLength is { } context)
            arguments.AddRange(["--context", Number(context)]);
        if (Engine.Threads is { } threads)
            arguments.AddRange(["--threads", Number(threads)]);
        if (Engine.ChatTemplate is { } template)
            arguments.AddRange(["--chat-template", template]);
        return arguments;
    }

    /// <summary>Reads what <see cref="ToArguments"/> has written.</summary>
    /// <exception cref="ArgumentException">It is something else.</exception>
    public static ServingOptions Read(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments.Count % 2 == 0)
            throw new ArgumentException("A file is expected, and options with a value each.");
        var values = arguments.Skip(1).Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        string? Text(string name) => values.Remove(name, out var value) ? value : null;
        int? Whole(string name) => Text(name) is { } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) : null;
        var defaults = new EngineOptions();
        var options = new ServingOptions
        {
            File = arguments[0],
            Library = Text("--library") ?? throw new ArgumentException("--library names the folder of llama.cpp's libraries."),
            Name = Text("--name"),
            Port = Whole("--port") ?? 0,
            Engine = defaults with
            {
                Slots = Whole("--slots") ?? defaults.Slots,
                ContextLength = Whole("--context"),
                Threads = Whole("--threads"),
                StepTokens = Whole("--step") ?? defaults.StepTokens,
                MaxWaiting = Whole("--waiting") ?? defaults.MaxWaiting,
                ChatTemplate = Text("--chat-template"),
            },
        };
        options = options with { MaxRequestBytes = Whole("--request-bytes") ?? options.MaxRequestBytes };
        return values.Count == 0 ? options : throw new ArgumentException($"There is no option {values.Keys.First()}.");
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
