using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Stoa.Market.Calls;
using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>Runs other agents for one agent of a task: those that its manifest declares, on the terms that it declares.</summary>
/// <remarks>
/// Which calls are refused must not depend on the machine, or a receipt could not be run again. So what counts against <c>maxPrice</c> is a call's price with
/// its time at the limit, which is never less than what it costs; and a call that takes longer than it may ends the task, rather than be an answer, as does
/// a check against a JSON Schema that is given up.
/// </remarks>
/// <param name="calls">All calls of the attempt.</param>
/// <param name="tree">What this agent may call.</param>
/// <param name="number">Of the call that it runs for; 0 for the task's own agent.</param>
/// <param name="seed">Its own.</param>
/// <param name="clockMs">When its clock began: those of all agents of a task begin together.</param>
public sealed partial class AgentCallDesk(TaskCalls calls, CallTree tree, int number, long seed, long clockMs) : ICallDesk
{
    private readonly (int Calls, Money Counted)[] _spent = new (int, Money)[tree.Branches.Count];
    private long _heldBytes;
    private int _runs;

    /// <summary>Memory that is kept for calls, out of the agent's limit.</summary>
    public long RoomBytes => tree.RoomBytes;

    /// <summary>What the calls and requests so far count.</summary>
    private Money Counted => _spent.Aggregate(_paidForModels, (sum, spent) => sum + spent.Counted);

    public Outcome<IOpenCall, CallRefusal> Open(string agent, IReadOnlyDictionary<string, string> parameters)
    {
        var place = 0;
        while (place < tree.Branches.Count && !tree.Branches[place].Use.IsNamedBy(agent))
            place++;
        if (place == tree.Branches.Count)
        {
            return new Refusal<CallRefusal>(
                CallRefusal.AgentUndeclared,
                $"Only what agent.json declares in uses can be called: {string.Join(", ", tree.Branches.Select(branch => branch.Use.Agent))}.");
        }

        // In words that never change: what an agent can read is part of what its receipt promises.
        return TaskRules.CheckParameters(tree.Branches[place].Called.Manifest.Parameters, parameters).TryGet(out var accepted, out var refused)
            ? new OpenCall(this, place, accepted)
            : new Refusal<CallRefusal>(
                CallRefusal.ParametersInvalid, $"{tree.Branches[place].Use.Agent} does not take these parameters: {string.Join(" ", refused.Errors.Select(error => error.Pointer))}");
    }

    private CallAnswer Run(int place, IReadOnlyList<TaskParameter> parameters, PieceBuffer input, PieceBuffer output, Caller caller)
    {
        var branch = tree.Branches[place];
        if (FindRefusal(place, input, caller) is { } refused)
            return new CallAnswer(false, CallError.Of(refused));
        if (calls.Begin(number, branch, HashOf(input), input.Count) is not { } called)
            return Refuse(CallRefusal.CallsTooMany, $"A task makes at most {TaskCalls.MostCalls} calls, with those that its calls make.");
        _spent[place].Calls++;
        var calleeSeed = SeedOf(seed, ++_runs);
        var desk = branch.Calls.IsEmpty ? null : new AgentCallDesk(calls, branch.Calls, called, calleeSeed, clockMs);
        var limits = calls.IsTimed ? branch.Limits : branch.Limits with { TimeoutMs = ReceiptRerun.TimeoutMs };
        var job = new SandboxJob(branch.Called.Listing, parameters, limits, calleeSeed, clockMs) { Calls = desk };
        var program = calls.Programs.Modules[branch.Called.ProgramDigest];
        var stop = caller.CancellationToken;
        using var written = new PieceStream(output);
        // On a thread of its own: how deep its calls may go does not depend on how deep the caller is.
        var outcome = calls.Threads.RunNested(
            () => calls.Sandbox.Run(program, job, GuestInput.FromBytes(input.Written), written, new AttemptProgress(), stop));
        switch (outcome)
        {
            case AttemptOutcome.Completed completed:
                if (!FitsSchema(branch.Called.Listing, branch.Called.Manifest.Output, output, caller))
                    return Fail(called, FailureCode.OutputInvalid, completed.Usage, log: "");
                var price = PriceOf(branch, input.Count, completed.Usage);
                var counted = PriceOf(branch, input.Count, completed.Usage with { DurationMs = branch.Limits.TimeoutMs });
                _spent[place].Counted += counted + (desk?.Counted ?? Money.Zero);
                calls.End(called, call => call with { Output = completed.Output, Usage = completed.Usage, Failure = null, Price = price });
                return new CallAnswer(true, output.Written);
            case AttemptOutcome.Failed { Failure.Code: FailureCode.TimedOut } when !stop.IsCancellationRequested:
                throw calls.EndTask(
                    $"A call of {branch.Called.Listing} did not end within the {limits.TimeoutMs:N0} ms that it may take. Ask the agent's publisher to allow it more in limits.timeoutMs of its entry in uses.");
            case AttemptOutcome.Failed { Failure.Code: not FailureCode.TimedOut } failed:
                // What models have said to a call that costs nothing is not told either.
                return Fail(called, failed.Failure.Code, failed.Failure.Usage, desk is { HasAsked: true } ? "" : failed.Failure.Log);
            default:
                throw new TrapException(calls.IsStopped ? TrapCode.Cancelled : TrapCode.DeadlineExceeded);
        }
    }

    private Refusal<CallRefusal>? FindRefusal(int place, PieceBuffer input, Caller caller)
    {
        var branch = tree.Branches[place];
        var (made, counted) = _spent[place];
        if (made >= branch.Use.MaxCalls)
            return new Refusal<CallRefusal>(CallRefusal.CallsTooMany, $"{branch.Use.Agent} was called {made} times, which is all that uses allows.");
        var left = branch.Use.MaxPrice - counted;
        if (branch.PriceAtLimits(input.Count) is not { } atLimits || atLimits > left)
            return new Refusal<CallRefusal>(CallRefusal.PriceTooHigh, $"At its limits the call could cost more than the {left} USD that are left of maxPrice for {branch.Use.Agent}.");
        if (_heldBytes + branch.Limits.MemoryBytes + branch.Limits.OutputBytes > RoomBytes)
            return new Refusal<CallRefusal>(CallRefusal.NoRoom, "Answers that are open hold the memory that this call needs: read them to their ends first.");
        return FitsSchema(branch.Called.Listing, branch.Called.Manifest.Input, input, caller)
            ? null
            : new Refusal<CallRefusal>(CallRefusal.InputInvalid, $"The input does not fit the JSON Schema of {branch.Use.Agent}.");
    }

    private static CallAnswer Refuse(CallRefusal code, string detail) => new(false, CallError.Of(new Refusal<CallRefusal>(code, detail)));

    private CallAnswer Fail(int called, FailureCode code, Usage? usage, string log)
    {
        calls.End(called, call => call with { Usage = usage ?? call.Usage, Failure = code });
        // In words of its own: those for people name functions of the program, as this engine has compiled it.
        return new CallAnswer(false, CallError.Of(
            new Refusal<CallRefusal>(CallRefusal.CallFailed, "The called agent failed, and costs nothing; failure says how, and log what it wrote last."),
            EnumWord.Of(code),
            log));
    }

    private static Money PriceOf(CallBranch branch, long inputBytes, Usage usage) =>
        branch.Called.Manifest.Price.TryPrice(TaskPricing.WorkOf(inputBytes, branch.Limits, usage), out var parts)
            ? parts.Total
            : throw new InvalidOperationException($"A call of {branch.Called.Listing} costs more than it could at its limits.");

    private bool FitsSchema(ListingName agent, AgentPort port, PieceBuffer content, Caller caller)
    {
        if (port.Schema is null)
            return true;
        if (content.Count > SubmitTask.MaxSchemaInputBytes)
            return false;
        caller.ConsumeFuel(content.Count * CallFuel.CheckedByte);
        return PortSchema.Fits(port.Schema, content.Written.ToArray())
            ?? throw calls.EndTask($"To check what {agent} is given, or gives, against its JSON Schema takes too long. Ask its publisher for a simpler schema, or take another agent.");
    }

    private static ContentHash HashOf(PieceBuffer input)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var piece in input.Written)
            hash.AppendData(piece.Span);
        return ContentHash.FromBytes(hash.GetCurrentHash());
    }

    /// <summary>The seed of the nth call that an agent makes: it follows from the agent's own.</summary>
    private static long SeedOf(long seed, int nth)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long) + sizeof(int)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, seed);
        BinaryPrimitives.WriteInt32BigEndian(bytes[sizeof(long)..], nth);
        return BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(bytes));
    }

    /// <summary>A call that collects its input, runs, and is read.</summary>
    private sealed class OpenCall(AgentCallDesk desk, int place, IReadOnlyList<TaskParameter> parameters) : IOpenCall
    {
        private PieceBuffer? _input = new();
        private long _heldBytes;

        public bool TryWrite(ReadOnlySpan<byte> bytes)
        {
            if (_input is null || _input.Count + bytes.Length > desk.MaxInputBytesOf(place) || desk._heldBytes + bytes.Length > desk.RoomBytes)
                return false;
            _input.Write(bytes);
            Hold(_input.Count);
            return true;
        }

        public CallAnswer Run(Caller caller)
        {
            var input = _input ?? throw new InvalidOperationException("A call is run once.");
            var output = new PieceBuffer();
            var answer = desk.Run(place, parameters, input, output, caller);
            _input = null;
            Hold(answer.IsOutput ? output.Count : 0);
            return answer;
        }

        public void Close()
        {
            _input = null;
            Hold(0);
        }

        private void Hold(long bytes)
        {
            desk._heldBytes += bytes - _heldBytes;
            _heldBytes = bytes;
        }
    }

    private long MaxInputBytesOf(int place) => tree.Branches[place].Use.MaxInputBytes;
}

/// <summary>A call, or the check of one, took longer than it may. That ends the task: an answer that depends on time could not be had again.</summary>
internal sealed class CallEndsTaskException(string message) : Exception(message);
