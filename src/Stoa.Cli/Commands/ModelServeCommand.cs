using System.CommandLine;
using System.Text;
using Stoa.Cli.Terminal;
using Stoa.Llama;
using Stoa.Llama.Engine;
using Stoa.Llama.Serving;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa model serve</c>: a GGUF file behind OpenAI's API, in this process and without a node.</summary>
internal sealed class ModelServeCommand : StoaCommand
{
    private const string LibraryVariable = "STOA_LLAMA_LIBRARY";
    private const int DefaultPort = 8_080;

    private readonly Argument<string> _file = new("FILE") { Description = "The model, a GGUF file." };
    private readonly Option<string?> _library = new("--library") { Description = $"The folder with llama.cpp's shared libraries. Also {LibraryVariable}.", HelpName = "DIR" };
    private readonly Option<string?> _name = new("--name") { Description = "What the model is called. Default: the file's name without its ending.", HelpName = "NAME" };
    private readonly Option<int?> _port = new("--port") { Description = "Of this machine, which others do not reach; 0 takes a free one. Default: 8080.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
    private readonly Option<int?> _slots = new("--slots") { Description = "Answers that are written side by side. Default: 4.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
    private readonly Option<int?> _context = new("--context") { Description = "Tokens of prompt and answer together, for each slot. Default: 4096, or what the model was made for if that is less.", HelpName = "TOKENS", CustomParser = result => Quantity.Whole(result) };
    private readonly Option<int?> _threads = new("--threads") { Description = "Threads that compute. Default: one for each processor but one, 16 at most.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
    private readonly Option<string?> _template = new("--chat-template") { Description = "How turns are written, by a name of llama.cpp's such as chatml. Default: as the file says.", HelpName = "NAME" };
    private readonly Option<string?> _keyFile = new("--key-file") { Description = "A file with a key that callers have to send; - is standard input. Default: none is needed.", HelpName = "FILE" };

    public ModelServeCommand(CommandScope scope)
        : base(
            scope,
            "serve",
            "Serve a GGUF file over OpenAI's API on this machine, until Ctrl-C, without a node. A node that runs here as well takes it as a server (stoa replica add), or runs the file itself (stoa up --model).",
            new("On port 8080", "stoa model serve tiny-q4.gguf --library ./llama"),
            new("Eight answers at a time, each with 8,192 tokens", "stoa model serve tiny-q4.gguf --slots 8 --context 8192"))
    {
        Add(_file);
        foreach (var option in new Option[] { _library, _name, _port, _slots, _context, _threads, _template, _keyFile })
            Add(option);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var options = await ReadAsync(invocation, cancellationToken);
        if (options.Validate().FirstOrDefault() is { } reason)
            throw new CommandFailure(reason, ExitCode.Usage);
        try
        {
            await using var server = await ModelServer.StartAsync(options, invocation.Surroundings.TimeProvider, cancellationToken);
            Tell(invocation.Screen, options, server);
            await server.RunAsync(cancellationToken);
            return ExitCode.Ok;
        }
        catch (Exception unfit) when (unfit is LlamaException or IOException)
        {
            throw new CommandFailure(unfit.Message, ExitCode.Refused);
        }
    }

    private static void Tell(Screen screen, ServingOptions options, ModelServer server)
    {
        if (screen.IsJson)
        {
            screen.JsonObject(("address", server.Address.AbsoluteUri), ("model", options.ModelName), ("contextLength", (long)server.ContextLength), ("slots", (long)options.Engine.Slots));
            return;
        }

        screen.Markup($"[green]✓[/] [bold]{Format.Escaped(options.ModelName)}[/] answers at [bold]{Format.Escaped(server.Address.AbsoluteUri)}[/]");
        screen.Facts(
            ("Model", Format.Escaped(server.Description)),
            ("Context", Format.Count(server.ContextLength, "token")),
            ("At once", Format.Count(options.Engine.Slots, "answer")));
        screen.Note("[grey]Ctrl-C stops it.[/]");
    }

    private async Task<ServingOptions> ReadAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var surroundings = invocation.Surroundings;
        var library = invocation.Get(_library) ?? surroundings.Variable(LibraryVariable);
        if (string.IsNullOrEmpty(library))
            throw new CommandFailure("llama.cpp's libraries are not known.", ExitCode.Usage, ModelServer.HowToGetLibraries);
        var defaults = new EngineOptions();
        return new ServingOptions
        {
            File = surroundings.FullPath(invocation.Get(_file)),
            Library = surroundings.FullPath(library),
            Name = invocation.Get(_name),
            Port = invocation.Get(_port) ?? DefaultPort,
            Key = invocation.Get(_keyFile) is { } file ? Encoding.UTF8.GetString((await SmallFile.ReadAsync(invocation, file, "key", cancellationToken)).Span).Trim() : null,
            Engine = defaults with
            {
                Slots = invocation.Get(_slots) ?? defaults.Slots,
                ContextLength = invocation.Get(_context),
                Threads = invocation.Get(_threads),
                ChatTemplate = invocation.Get(_template),
            },
        };
    }
}
