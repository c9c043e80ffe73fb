using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Market.Calls;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa wasm run</c>: a WASI program in the sandbox of this process, without a node.</summary>
internal sealed class WasmRunCommand : StoaCommand
{
    // As deep as the sandbox of a node lets calls go.
    private const int StackBytes = 64 << 20;

    private readonly Argument<string> _file = new("FILE") { Description = "The program: .wasm, or .wat in the text format." };
    private readonly Argument<string[]> _arguments = new("ARGS") { Description = "What the program gets as arguments; put -- before those that begin with a dash.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _directories = new("--dir") { Description = "A folder that the program may use, under a name of its own if given; may be given several times.", HelpName = "HOST[::GUEST]", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _readOnlyDirectories = new("--read-only-dir") { Description = "The same, for a folder that it may see and not change.", HelpName = "HOST[::GUEST]", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _variables = new("--env") { Description = "An environment variable for the program; may be given several times.", HelpName = "NAME=VALUE", DefaultValueFactory = _ => [] };
    private readonly Option<long?> _fuel = new("--fuel") { Description = "Stop when so much fuel is burnt, such as 2G.", HelpName = "N", CustomParser = Quantity.Count };
    private readonly Option<long?> _memory = new("--max-memory", "--memory") { Description = "Give at most so much memory: megabytes, or with a unit such as 512KiB.", HelpName = "MB", CustomParser = Quantity.Megabytes };
    private readonly Option<long?> _timeout = new("--timeout") { Description = "Stop after this time: milliseconds, or with a unit such as 30s.", HelpName = "MS", CustomParser = Quantity.MillisecondsByDefault };
    private readonly Option<string?> _invoke = new("--invoke") { Description = "Call this exported function instead of _start, with ARGS as its numbers, and write its results.", HelpName = "F" };
    private readonly Option<bool> _stats = new("--stats") { Description = "Say at the end what was used." };

    public WasmRunCommand(CommandScope scope)
        : base(
            scope,
            "run",
            "Run a WASI program in the sandbox, here, without a node. Its exit code is this command's; a trap is 134.",
            new("Try an agent before it is published", "echo Ada | stoa wasm run hello.wasm --stats -- --greeting Hi"),
            new("With files, and an end", "stoa wasm run tool.wasm --dir .::/files --timeout 10s -- /files/in.txt"),
            new("One function of a module", "stoa wasm run math.wat --invoke add 2 3"))
    {
        Add(_file);
        Add(_arguments);
        foreach (var option in new Option[] { _directories, _readOnlyDirectories, _variables, _invoke, _fuel, _memory, _timeout, _stats })
            Add(option);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var path = invocation.Surroundings.FullPath(invocation.Get(_file));
        var told = new ProgressBoard();
        var request = new WasiRunRequest
        {
            Module = await File.ReadAllBytesAsync(path, cancellationToken),
            IsText = Path.GetExtension(path).Equals(".wat", StringComparison.OrdinalIgnoreCase),
            World = World(invocation, Path.GetFileName(path)),
            DefineMore = imports => AgentCalls.DefineIn(imports, told, ClosedCallDesk.WithoutNode),
            Invoke = invocation.Get(_invoke),
            InvokeArguments = invocation.Get(_invoke) is null ? [] : invocation.Get(_arguments)!,
            Limits = new()
            {
                Fuel = invocation.Get(_fuel) ?? long.MaxValue,
                MaxMemoryBytes = invocation.Get(_memory) ?? ExecutionLimits.Default.MaxMemoryBytes,
                Timeout = invocation.Get(_timeout) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
            },
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
                ended.SetResult(Execute(invocation, path, request, told, cancellationToken));
            }
            catch (Exception failure)
            {
                ended.SetException(failure);
            }
        }
    }

    private int Execute(Invocation invocation, string path, WasiRunRequest request, ProgressBoard told, CancellationToken cancellationToken)
    {
        var time = invocation.Surroundings.TimeProvider;
        var started = time.GetTimestamp();
        var report = WasiRun.Execute(new Engine(), request, cancellationToken);
        if (invocation.Get(_stats) && report.Outcome is not WasiRunOutcome.Refused)
            Tell(invocation.Screen, report, told.Read(), time.GetElapsedTime(started));
        return report.Outcome switch
        {
            WasiRunOutcome.Exited exited => exited.ExitCode,
            WasiRunOutcome.Returned returned => Show(invocation.Screen, returned.Results),
            WasiRunOutcome.Refused refused => throw new CommandFailure($"{path} cannot be run. {refused.Reason}", ExitCode.Refused),
            WasiRunOutcome.Trapped { Trap.Code: TrapCode.Cancelled } when cancellationToken.IsCancellationRequested => throw new OperationCanceledException(cancellationToken),
            WasiRunOutcome.Trapped trapped => throw new CommandFailure(
                $"The program trapped: {TrapException.Describe(trapped.Trap.Code)}\n{trapped.Trap.DescribeFrames()}".TrimEnd('\n'), ExitCode.Trapped),
            var other => throw new InvalidOperationException($"A command with unlimited output cannot end by {other}."),
        };
    }

    private WasiOptions World(Invocation invocation, string name) => new()
    {
        Arguments = [name, .. invocation.Get(_arguments)],
        Environment = [.. invocation.Get(_variables)!.Select(ParseVariable)],
        Preopens =
        [
            .. invocation.Get(_directories)!.Select(text => ParseDirectory(invocation.Surroundings, text, readOnly: false)),
            .. invocation.Get(_readOnlyDirectories)!.Select(text => ParseDirectory(invocation.Surroundings, text, readOnly: true)),
        ],
        Stdin = GuestInput.FromStream(invocation.Surroundings.Input, fillReads: false, isTerminal: invocation.Surroundings.IsInputTerminal),
        Stdout = GuestOutput.ToStream(invocation.Surroundings.ProgramOutput ?? invocation.Surroundings.Output, isTerminal: invocation.Surroundings.IsOutputTerminal),
        Stderr = GuestOutput.ToStream(invocation.Surroundings.ProgramError ?? new TextWriterStream(invocation.Surroundings.Error), isTerminal: invocation.Surroundings.IsErrorTerminal),
        Clock = WasiClock.Real(invocation.Surroundings.TimeProvider),
    };

    private static int Show(Screen screen, IReadOnlyList<Value> results)
    {
        if (screen.IsJson)
            screen.JsonObject(("results", results.Select(value => value.ToText()).ToList()));
        foreach (var value in screen.IsJson ? [] : results)
            screen.Line(value.ToText());
        return ExitCode.Ok;
    }

    private static KeyValuePair<string, string> ParseVariable(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0
            ? new KeyValuePair<string, string>(text[..equals], text[(equals + 1)..])
            : throw new CommandFailure($"--env is written as NAME=VALUE; '{text}' is not.");
    }

    private static Preopen ParseDirectory(Surroundings surroundings, string text, bool readOnly)
    {
        if (Preopen.Split(text) is not { } names)
            throw new CommandFailure($"A folder for the program is written as HOST or HOST::GUEST; '{text}' is not.");
        var path = surroundings.FullPath(names.HostPath);
        return Directory.Exists(path) ? Preopen.Host(path, names.GuestPath, readOnly) : throw new CommandFailure($"There is no folder {path}.");
    }

    private static void Tell(Screen screen, WasiRunReport report, AgentProgress? progress, TimeSpan took)
    {
        if (screen.IsJson)
        {
            screen.ErrorObject(
                ("fuel", report.FuelConsumed), ("memoryBytes", report.MemoryBytes), ("durationMs", (long)took.TotalMilliseconds),
                ("inputBytes", report.BytesRead), ("outputBytes", report.BytesWritten),
                ("done", progress?.Done), ("total", progress?.Total), ("message", progress?.Message));
            return;
        }

        screen.NoteFacts(
            ("Fuel", Format.Fuel(report.FuelConsumed)),
            ("Memory", Format.Size(report.MemoryBytes)),
            ("Time", Format.Duration(took)),
            ("In, out", $"{Format.Size(report.BytesRead)}, {Format.Size(report.BytesWritten)}"),
            ("Progress", progress is null ? null : Format.Escaped(ProgressText.Of(progress.Done, progress.Total, progress.Message))));
    }
}
