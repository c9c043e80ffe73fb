using Stoa.Market.Builds;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tasks;

/// <summary>What a re-run of a receipt found.</summary>
/// <param name="Outcome">How the program ended here.</param>
/// <param name="OutputMatches">It wrote the same bytes.</param>
/// <param name="FuelMatches">It burnt the same fuel.</param>
/// <param name="Output">SHA-256 of what it wrote here; null when it did not complete.</param>
/// <param name="Usage">What was measured here; null when it never ran.</param>
public sealed record RerunReport(AttemptOutcome Outcome, bool OutputMatches, bool FuelMatches, ContentHash? Output, Usage? Usage)
{
    /// <summary>The receipt tells the truth about the execution.</summary>
    public bool Confirms => OutputMatches && FuelMatches;
}

/// <summary>Why a receipt cannot be run again.</summary>
public enum RerunRefusal
{
    /// <summary>The program's bytes are not those of the receipt.</summary>
    OtherProgram,

    /// <summary>The input's bytes are not those of the receipt.</summary>
    OtherInput,

    /// <summary>The program is not a module that this engine takes.</summary>
    ProgramInvalid,

    /// <summary>The input is sealed, and what opens it is not here.</summary>
    SealClosed,
}

/// <summary>Runs what a receipt swears to again, here, and compares: nobody has to believe a node.</summary>
public static class ReceiptRerun
{
    /// <summary>Runs the program on the input as the receipt says.</summary>
    /// <param name="receipt">Verified before.</param>
    /// <param name="program">The program's bytes.</param>
    /// <param name="input">The input; it is read twice, so it must be seekable.</param>
    /// <param name="time">The clock of the deadline.</param>
    /// <param name="progress">Counts while it runs.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <param name="open">Takes up the exchange that a sealed input begins, or throws <see cref="SealBrokenException"/>; null for whoever cannot.</param>
    public static async Task<Outcome<RerunReport, RerunRefusal>> RunAsync(
        Receipt receipt,
        ReadOnlyMemory<byte> program,
        Stream input,
        TimeProvider time,
        AttemptProgress progress,
        CancellationToken cancellationToken,
        Func<SealedHeader, SealedExchange>? open = null)
    {
        if (ContentHash.Of(program.Span) != receipt.ProgramDigest)
            return new Refusal<RerunRefusal>(RerunRefusal.OtherProgram, $"The receipt is about the program {receipt.ProgramDigest}; these bytes are {ContentHash.Of(program.Span)}.");
        var start = input.Position;
        var inputDigest = await ContentHash.OfAsync(input, cancellationToken);
        if (inputDigest != receipt.InputDigest)
            return new Refusal<RerunRefusal>(RerunRefusal.OtherInput, $"The receipt is about the input {receipt.InputDigest}; these bytes are {inputDigest}.");
        input.Position = start;

        Module module;
        try
        {
            module = new Engine(new EngineOptions { TimeProvider = time, Features = AgentFeatures.Admitted }).Compile(program);
        }
        catch (InvalidModuleException invalid)
        {
            return new Refusal<RerunRefusal>(RerunRefusal.ProgramInvalid, invalid.Message);
        }

        // The deadline has no part in what the program does, and this machine may be slower: fuel and the token end the run.
        var limits = receipt.Limits with { TimeoutMs = (long)TimeSpan.FromDays(1).TotalMilliseconds };
        var job = new SandboxJob(receipt.Agent, receipt.Parameters, limits, receipt.Seed, receipt.ClockMs);
        using var threads = new GuestThreads(1);
        AttemptOutcome outcome;
        try
        {
            outcome = receipt.SealedTo is null
                ? await threads.RunAsync(() => new AgentSandbox(time).Run(module, job, GuestInput.FromStream(input), Stream.Null, progress, cancellationToken))
                : await RunSealedAsync(receipt, module, job, input, threads, time, open, cancellationToken);
        }
        catch (SealBrokenException closed)
        {
            return new Refusal<RerunRefusal>(RerunRefusal.SealClosed, $"The input is sealed to the key {receipt.SealedTo} and cannot be opened here: {closed.Message}");
        }

        cancellationToken.ThrowIfCancellationRequested();
        return outcome is AttemptOutcome.Completed completed
            ? new RerunReport(
                outcome, completed.Output == receipt.OutputDigest, completed.Usage.Fuel == receipt.Usage.Fuel, completed.Output, completed.Usage)
            : new RerunReport(outcome, false, false, null, (outcome as AttemptOutcome.Failed)?.Failure.Usage);
    }

    private static async Task<AttemptOutcome> RunSealedAsync(
        Receipt receipt, Module module, SandboxJob job, Stream input, GuestThreads threads, TimeProvider time, Func<SealedHeader, SealedExchange>? open, CancellationToken cancellationToken)
    {
        if (open is null)
            throw new SealBrokenException("who runs it again needs the node's key, or the secret of its consumer.");
        var exchange = open(await SealedHeader.ReadAsync(input, cancellationToken));
        // A program that reads nothing would not find that the secret is another one: its output would differ, and the receipt look false.
        var behindHeader = input.Position;
        await using (var probe = exchange.OpenInput(input, leaveOpen: true))
            await probe.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, cancellationToken);
        input.Position = behindHeader;
        await using var opened = new InputStream(exchange.OpenInput(input, leaveOpen: true));
        var salt = SealedRun.SaltOf(exchange, receipt.TaskId, receipt.ArtifactDigest, job);
        var outcome = await threads.RunAsync(() =>
            SealedRun.Run(new AgentSandbox(time), module, job, GuestInput.FromStream(opened), Stream.Null, exchange, salt, cancellationToken));
        // A program is only told that its read failed: what it made of that says nothing about the receipt.
        return opened.Fault is SealBrokenException broken ? throw broken : outcome;
    }
}
