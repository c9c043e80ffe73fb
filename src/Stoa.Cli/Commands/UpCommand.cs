using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Node.Hosting;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa up</c>: a node in this process.</summary>
internal sealed class UpCommand : StoaCommand
{
    private readonly Option<string?> _data = NodeOptionSet.Data();
    private readonly Option<int?> _port = NodeOptionSet.Port();
    private readonly Option<string?> _url = new("--url") { Description = "Listen on this address instead, such as http://0.0.0.0:8420. For HTTPS put a reverse proxy in front.", HelpName = "URL" };
    private readonly Option<string[]> _join = new("--join") { Description = "Join the network by a node there, such as /dns4/node.example/tcp/8421/p2p/Qm…; may be given several times. stoa network show tells a node's address.", HelpName = "ADDRESS", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _models = new("--model") { Description = "Run a model in this node, from a GGUF file or a WebAssembly program that is listed; may be given several times. More can be said in the option inference:local.", HelpName = "PUBLISHER/NAME@VERSION=FILE", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _settings = new("--set") { Description = "An option of the node, such as tasks:workers=4; may be given several times.", HelpName = "NAME=VALUE", DefaultValueFactory = _ => [] };

    public UpCommand(CommandScope scope)
        : base(
            scope,
            "up",
            "Start a node on this machine and keep it running until Ctrl-C. Its data is in one folder; a second start finds it again.",
            new("With its data in ./data", "stoa up"),
            new("On another port, with another folder", "stoa up --port 9000 --data /srv/stoa"),
            new("Part of the network of another node", "stoa up --join /ip4/192.0.2.1/tcp/8421/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"),
            new("With a model that it runs itself", "stoa up --model stoa/tiny-chat@1.0.0=tiny-q4.gguf"),
            new("With one that is a program, in the sandbox", "stoa up --model stoa/parrot@1.0.0=samples/models/parrot/parrot.wasm"),
            new("Two tasks at a time, logs as JSON", "stoa up --set tasks:workers=2 --set observability:logFormat=json"))
    {
        Add(_data);
        Add(_port);
        Add(_url);
        Add(_join);
        Add(_models);
        Add(_settings);
        Validators.Add(result =>
        {
            if (result.GetResult(_port) is not null && result.GetResult(_url) is not null)
                result.AddError("Either --port or --url says where to listen, not both.");
        });
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var joins = invocation.Get(_join)!.Select((address, number) => $"network:join:{number}={address}");
        var arguments = NodeOptionSet.Arguments(invocation, invocation.Get(_data), invocation.Get(_port), invocation.Get(_url), [.. joins, .. invocation.Get(_models)!.SelectMany((model, number) => Setting(invocation.Surroundings, model, number)), .. invocation.Get(_settings)!]);
        NodeOptionSet.RefuseTakenPort(invocation.Get(_port), invocation.Get(_url));
        var errors = new StringWriter();
        var exitCode = await NodeProgram.RunAsync(arguments, started => Tell(invocation.Screen, started), errors, cancellationToken);
        if (exitCode == 0)
        {
            invocation.Screen.Note("[grey]The node has stopped.[/]");
            return ExitCode.Ok;
        }

        throw NodeOptionSet.Failure(exitCode, errors.ToString());
    }

    /// <summary>What a model that the node is to run itself says of the node's options.</summary>
    /// <exception cref="CommandFailure">It is not PUBLISHER/NAME@VERSION=FILE.</exception>
    private static IEnumerable<string> Setting(Surroundings surroundings, string model, int number)
    {
        var equals = model.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && equals < model.Length - 1
            ? [$"inference:local:{number}:model={model[..equals]}", $"inference:local:{number}:file={surroundings.FullPath(model[(equals + 1)..])}"]
            : throw new CommandFailure($"--model is written as PUBLISHER/NAME@VERSION=FILE, such as stoa/tiny-chat@1.0.0=tiny-q4.gguf; '{model}' is not.", ExitCode.Usage);
    }

    /// <summary>What another terminal must be told to find this node and its key; empty when it finds them by itself.</summary>
    private static string OtherTerminal(Surroundings surroundings, NodeStarted started)
    {
        var isDefaultAddress = NodeConnection.ParseAddress(started.Address.ToString()) == StoaClientOptions.DefaultAddress;
        var isDefaultData = started.DataFolder == NodeConnection.DataDirectory(surroundings, option: null);
        return (isDefaultAddress ? "" : $"STOA_ADDRESS={started.Address.ToString().TrimEnd('/')} ")
            + (isDefaultData ? "" : $"STOA_DATA={Quoted(started.DataFolder)} ");
    }

    private static string Quoted(string path) => path.Contains(' ') ? $"'{path}'" : path;

    private static void Tell(Screen screen, NodeStarted started)
    {
        if (screen.IsJson)
        {
            screen.JsonObject(
                ("address", started.Address.ToString()),
                ("network", started.NetworkAddresses),
                ("dataFolder", started.DataFolder),
                ("adminKeyFile", started.AdminKeyFile),
                ("adminKey", started.AdminKey),
                ("startMs", (long)started.Duration.TotalMilliseconds));
            return;
        }

        var address = Format.Escaped(started.Address.ToString().TrimEnd('/'));
        // A node that joined a cell has made no administrator, and so no key.
        var hasKey = started.AdminKey is not null || File.Exists(started.AdminKeyFile);
        screen.Markup($"[green]✓[/] [bold]Stoa is up[/] after {Format.Duration(started.Duration)}");
        screen.Facts(
            ("Address", $"[bold]{address}[/]"),
            ("API reference", $"{address}/reference"),
            ("Network", started.NetworkAddresses.Count == 0 ? null : string.Join('\n', started.NetworkAddresses.Select(Format.Escaped))),
            ("Data", Format.Escaped(started.DataFolder)),
            ("Key", started.AdminKey is { } key
                ? $"{Format.Escaped(key)}  [grey](of the first administrator, shown this once; also in {Format.Escaped(started.AdminKeyFile)})[/]"
                : hasKey
                    ? $"in {Format.Escaped(started.AdminKeyFile)}"
                    : "none here: the administrator's is in admin.key in the data folder of the cell's first node"));
        screen.Note(hasKey
            ? $"[grey]Ctrl-C stops it. In another terminal: {Format.Escaped(OtherTerminal(screen.Surroundings, started))}stoa agent list[/]"
            : $"[grey]Ctrl-C stops it. In another terminal, once: stoa login --address {address} --key KEY, then: stoa agent list[/]");
    }
}
