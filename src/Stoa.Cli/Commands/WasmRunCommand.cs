using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wasm run</c>: a WASI program in the sandbox of this process, without a node.</summary>
internal sealed class WasmRunCommand : StoaCommand
{
    // As deep as the sandbox of a node lets calls go.
    private const int StackBytes = 64 << 20;

    private readonly Argument<string> _file = new("FILE") { Description = "The .wasm program." };
    private readonly Argument<string[]> _arguments = new("ARGS") { Description = "What the program gets as arguments; put -- before those that begin with a dash.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _directories = new("--dir") { Description = "A folder that the program may see, under a name of its own if given; may be given several times.", HelpName = "HOST[:GUEST]", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _variables = new("--env") { Description = "An environment variable for the program; may be given several times.", HelpName = "NAME=VALUE", DefaultValueFactory = _ => [] };
    private readonly Option<long?> _fuel = new("--fuel") { Description = "Stop when so much fuel is burnt, such as 2G.", HelpName = "N", CustomParser = Quantity.Count };
    private readonly Option<long?> _memory = new("--memory") { Description = "Give at most so much memory, such as 64MB.", HelpName = "SIZE", CustomParser = Quantity.Bytes };
    private readonly Option<long?> _timeout = new("--timeout") { Description = "Stop after this time, such as 30s.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
    private readonly Option<bool> _stats = new("--stats") { Description = "Say at the end what was used." };

    public WasmRunCommand(CommandScope scope)
        : base(
            scope,
            "run",
            "Run a WASI program in the sandbox, here, without a node. Its exit code is this command's; a trap is 1.",
            new("Try an agent before it is published", "echo Ada | stoa wasm run hello.wasm --stats -- --greeting Hi"),
            new("With files, and an end", "stoa wasm run tool.wasm --dir .:/files --timeout 10s -- /files/in.txt"))
    {
        Add(_file);
        Add(_arguments);
        foreach (var option in new Option[] { _directories, _variables, _fuel, _memory, _timeout, _stats })
            Add(option);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var path = invocation.Surroundings.FullPath(invocation.Get(_file));
        var module = Compile(await File.ReadAllBytesAsync(path, cancellationToken), path);
        var world = World(invocation, Path.GetFileName(path));
        var limits = new ExecutionLimits
        {
            Fuel = invocation.Get(_fuel) ?? long.MaxValue,
            MaxMemoryBytes = invocation.Get(_memory) ?? ExecutionLimits.Default.MaxMemoryBytes,
            Timeout = invocation.Get(_timeout) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
        };

        // A guest is synchronous, and its recursion needs a deeper stack than the threads of the pool have.
        var ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var guest = new Thread(Run, StackBytes) { IsBackground = true, Name = "guest" };
        guest.Start();
        return await ended.Task;

        void Run()
        {
            try
            {
                ended.SetResult(Execute(invocation, module, world, limits, cancellationToken));
            }
            catch (Exception failure)
            {
                ended.SetException(failure);
            }
        }
    }

    private int Execute(Invocation invocation, Module module, WasiOptions world, ExecutionLimits limits, CancellationToken cancellationToken)
    {
        var time = invocation.Surroundings.TimeProvider;
        var started = time.GetTimestamp();
        using var context = new WasiContext(world);
        var imports = new Imports();
        context.DefineIn(imports);
        Instance? instance = null;
        try
        {
            instance = module.Instantiate(imports, limits, cancellationToken);
            return context.RunCommand(instance, cancellationToken);
        }
        catch (TrapException trap) when (trap.Code == TrapCode.Cancelled && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (TrapException trap)
        {
            throw new CommandFailure($"The program trapped: {TrapException.Describe(trap.Code)}.", ExitCode.Refused);
        }
        catch (Exception unfit) when (unfit is LinkException or MissingExportException)
        {
            throw new CommandFailure($"The program cannot be run as a WASI command: {unfit.Message}", ExitCode.Refused);
        }
        finally
        {
            if (instance is not null && invocation.Get(_stats))
                Tell(invocation.Screen, instance, context, time.GetElapsedTime(started));
            instance?.Dispose();
        }
    }

    private WasiOptions World(Invocation invocation, string name) => new()
    {
        Arguments = [name, .. invocation.Get(_arguments)],
        Environment = [.. invocation.Get(_variables)!.Select(ParseVariable)],
        Preopens = [.. invocation.Get(_directories)!.Select(text => ParseDirectory(invocation.Surroundings, text))],
        Stdin = GuestInput.FromStream(invocation.Surroundings.Input, fillReads: false, isTerminal: invocation.Surroundings.IsInputTerminal),
        Stdout = GuestOutput.ToStream(invocation.Surroundings.Output, isTerminal: invocation.Surroundings.IsOutputTerminal),
        Stderr = GuestOutput.ToStream(new TextWriterStream(invocation.Surroundings.Error), isTerminal: invocation.Surroundings.IsErrorTerminal),
        Clock = WasiClock.Real(invocation.Surroundings.TimeProvider),
    };

    private static Module Compile(byte[] program, string path)
    {
        try
        {
            return new Engine().Compile(program);
        }
        catch (InvalidModuleException invalid)
        {
            throw new CommandFailure($"{path} is not a WebAssembly module that can run here: {invalid.Message}", ExitCode.Refused);
        }
    }

    private static KeyValuePair<string, string> ParseVariable(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0
            ? new KeyValuePair<string, string>(text[..equals], text[(equals + 1)..])
            : throw new CommandFailure($"--env is written as NAME=VALUE; '{text}' is not.");
    }

    private static Preopen ParseDirectory(Surroundings surroundings, string text)
    {
        // The last colon, so that a drive letter of Windows stays with the folder.
        var colon = text.LastIndexOf(':');
        var (host, guest) = colon > 1 ? (text[..colon], text[(colon + 1)..]) : (text, text);
        var path = surroundings.FullPath(host);
        return Directory.Exists(path) ? Preopen.Host(path, guest) : throw new CommandFailure($"There is no folder {path}.");
    }

    private static void Tell(Screen screen, Instance instance, WasiContext context, TimeSpan took)
    {
        if (screen.IsJson)
        {
            screen.ErrorObject(
                ("fuel", instance.FuelConsumed), ("memoryBytes", instance.Memory?.SizeBytes ?? 0L), ("durationMs", (long)took.TotalMilliseconds),
                ("inputBytes", context.Stdin.BytesRead), ("outputBytes", context.Stdout.BytesWritten));
            return;
        }

        screen.NoteFacts(
            ("Fuel", Format.Fuel(instance.FuelConsumed)),
            ("Memory", Format.Size(instance.Memory?.SizeBytes ?? 0L)),
            ("Time", Format.Duration(took)),
            ("In, out", $"{Format.Size(context.Stdin.BytesRead)}, {Format.Size(context.Stdout.BytesWritten)}"));
    }
}
