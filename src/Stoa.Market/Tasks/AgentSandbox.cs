using System.Globalization;
using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>What one attempt runs.</summary>
/// <param name="Agent">Its full name; the name alone is the program's first argument.</param>
/// <param name="Parameters">In the manifest's order; each becomes <c>--name value</c>.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Seed">Of the program's randomness.</param>
/// <param name="ClockMs">Unix time in milliseconds at which the program's clock begins.</param>
public sealed record SandboxJob(
    ListingName Agent, IReadOnlyList<TaskParameter> Parameters, AgentLimits Limits, long Seed, long ClockMs)
{
    /// <summary>Runs what the agent calls, and asks models for it; null where it can do neither.</summary>
    public ICallDesk? Calls { get; init; }

    /// <summary>Memory for the program itself: the limit without what is kept for its calls.</summary>
    internal long OwnMemoryBytes => Math.Max(0, Limits.MemoryBytes - (Calls is AgentCallDesk desk ? desk.RoomBytes : 0));
}

/// <summary>How an attempt ended.</summary>
/// <param name="Log">The end of what the program wrote to stderr, at most as much as the limits allow.</param>
public abstract record AttemptOutcome(KeptLog Log)
{
    /// <summary>The program ended with exit code 0.</summary>
    public sealed record Completed(ContentHash Output, Usage Usage, KeptLog Log) : AttemptOutcome(Log);

    /// <summary>It ended in any other way.</summary>
    public sealed record Failed(TaskFailure Failure, KeptLog Log) : AttemptOutcome(Log);

    /// <summary>It was stopped from outside.</summary>
    public sealed record Stopped(KeptLog Log) : AttemptOutcome(Log);
}

/// <summary>Runs one attempt of an agent in the WebAssembly sandbox: no files, no network, a clock and chance that replay, and a limit on everything.</summary>
/// <remarks>
/// The same program, input, parameters, limits, seed and clock give the same output and the same fuel, on any node, unless a model was asked. What stops
/// a program that would not stop: fuel (deterministic), the deadline, and the token. <see cref="Run"/> works on the calling
/// thread until the program has ended; call it on one of <see cref="GuestThreads"/>, whose stacks are as deep as the
/// deepest recursion that is allowed.
/// </remarks>
/// <param name="time">The clock of deadlines and of <see cref="Usage.DurationMs"/>.</param>
public sealed class AgentSandbox(TimeProvider time)
{
    private static readonly ClosedCallDesk s_noCalls = new(
        "This agent can call nobody: its agent.json declares no uses, or it runs to make a bid.",
        AgentCallDesk.CannotAsk);

    private const int ExitTemporaryFailure = 75;
    private const int MaxFailureLogBytes = 4 << 10;
    private const int MaxFailureFrames = 5;
    private const int MaxTableElements = 1_000_000;

    // Part of what a receipt promises: where a recursion ends must not depend on the node.
    private const int MaxCallDepth = 16_384;

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">The agent's module.</param>
    /// <param name="job">With what.</param>
    /// <param name="input">Its stdin.</param>
    /// <param name="output">Takes its stdout, at most as much as the limits allow.</param>
    /// <param name="progress">Shows it while it runs. Used for one run.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public AttemptOutcome Run(
        Module program, SandboxJob job, GuestInput input, Stream output, AttemptProgress progress, CancellationToken cancellationToken)
    {
        var log = progress.Log;
        log.Capacity = job.Limits.LogBytes;
        using var hashed = new HashingStream(output);
        var start = time.GetTimestamp();
        var world = WasiOptions.Deterministic(DateTimeOffset.FromUnixTimeMilliseconds(job.ClockMs), unchecked((ulong)job.Seed)) with
        {
            Arguments = [job.Agent.Name, .. job.Parameters.SelectMany(parameter => new[] { "--" + parameter.Name, parameter.Value })],
            Stdin = input,
            Stdout = GuestOutput.ToStream(hashed, job.Limits.OutputBytes),
            Stderr = GuestOutput.ToStream(log),
        };
        Usage? usage = null;
        try
        {
            using var context = new WasiContext(world);
            var imports = new Imports();
            context.DefineIn(imports);
            AgentCalls.DefineFor(program, imports, progress.Board, job.Calls ?? s_noCalls);
            using var instance = program.Instantiate(imports, LimitsOf(job), cancellationToken);
            progress.Attach(instance, context, start);
            try
            {
                var exitCode = context.RunCommand(instance, cancellationToken);
                usage = Measure();
                return exitCode == 0
                    ? new AttemptOutcome.Completed(hashed.GetHash(), usage, log.Keep())
                    : Fail(ExitCode(exitCode));
            }
            finally
            {
                usage ??= Measure();
                progress.Detach();
            }

            Usage Measure() => new(
                instance.FuelConsumed,
                instance.Memory?.SizeBytes ?? 0,
                context.Stdin.BytesRead,
                context.Stdout.BytesWritten,
                (long)time.GetElapsedTime(start).TotalMilliseconds);
        }
        catch (TrapException trap) when (trap.Code == TrapCode.Cancelled)
        {
            return new AttemptOutcome.Stopped(log.Keep());
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return new AttemptOutcome.Stopped(log.Keep());
        }
        catch (TrapException trap)
        {
            return Fail(Trapped(trap, job.Limits));
        }
        catch (CallEndsTaskException late)
        {
            return Fail((FailureCode.TimedOut, late.Message));
        }
        catch (OutputLimitExceededException)
        {
            return Fail((FailureCode.OutputTooLarge, $"The agent wrote more than the {job.Limits.OutputBytes:N0} bytes of its limit. Raise limits.outputBytes if the agent allows more, or give less input."));
        }
        catch (LinkException unlinked)
        {
            return Fail((FailureCode.NotStartable, unlinked.Refusal is LinkRefusal.MemoryLimit
                ? $"The program needs more memory to start than the {job.OwnMemoryBytes:N0} bytes that its limit leaves it. Raise limits.memoryBytes if the agent allows more."
                : $"The program cannot be started: {unlinked.Message}. Ask the agent's publisher, or take another agent."));
        }
        catch (MissingExportException missing)
        {
            return Fail((FailureCode.NotStartable, $"The program cannot be started: {missing.Message} Ask the agent's publisher, or take another agent."));
        }

        AttemptOutcome.Failed Fail((FailureCode Code, string Detail) failure) =>
            new(new TaskFailure(failure.Code, failure.Detail, log.ToText(MaxFailureLogBytes), usage), log.Keep());
    }

    private static ExecutionLimits LimitsOf(SandboxJob job) => new()
    {
        Fuel = job.Limits.Fuel,
        MaxMemoryBytes = job.OwnMemoryBytes,
        MaxTableElements = MaxTableElements,
        MaxCallDepth = MaxCallDepth,
        Timeout = TimeSpan.FromMilliseconds(job.Limits.TimeoutMs),
    };

    private static (FailureCode Code, string Detail) ExitCode(int exitCode) => exitCode == ExitTemporaryFailure
        ? (FailureCode.AgentUnavailable, $"The agent ended with exit code {ExitTemporaryFailure}: it asks to be tried again later.")
        : (FailureCode.AgentExit, $"The agent ended with exit code {exitCode}; its log says why it does not take this input.");

    private static (FailureCode Code, string Detail) Trapped(TrapException trap, AgentLimits limits) => trap.Code switch
    {
        TrapCode.OutOfFuel => (FailureCode.OutOfFuel,
            $"The agent burnt all {Gigafuel(limits.Fuel)} Gfuel of its limit. Raise limits.fuel if the agent allows more, or give less input."),
        TrapCode.DeadlineExceeded => (FailureCode.TimedOut,
            $"The agent did not end within the {limits.TimeoutMs:N0} ms of its limit. Raise limits.timeoutMs if the agent allows more, or give less input."),
        TrapCode.CallStackExhausted => (FailureCode.CallStackExhausted,
            $"The agent's calls went deeper than {MaxCallDepth:N0}: most likely it recurses without end on this input{Where(trap)}. Ask the agent's publisher."),
        _ => (FailureCode.Trap,
            $"The program trapped: {TrapException.Describe(trap.Code)}{Where(trap)}. That is a fault of the program on this input. Ask the agent's publisher."),
    };

    /// <summary>For the agent's creator: the functions that were running, by the names in the program.</summary>
    private static string Where(TrapException trap) =>
        trap.SummarizeFrames(MaxFailureFrames) is { Length: > 0 } calls ? $" at {calls}" : "";

    private static string Gigafuel(long fuel) => (fuel / 1e9).ToString("0.###", CultureInfo.InvariantCulture);
}
