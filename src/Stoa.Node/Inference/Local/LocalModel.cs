using Stoa.Llama.Engine;
using Stoa.Llama.Serving;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Inference.Programs;
using Stoa.Node.Inference.Replicas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Local;

/// <summary>Keeps one model running: looks its listing and its file up, and starts a process for it, and another when that ends; or, where the file is a program, has it loaded into the sandbox.</summary>
/// <param name="id">Of its replica.</param>
/// <param name="options">What the operator says of it.</param>
/// <param name="parts">What it is done with.</param>
internal sealed class LocalModel(Id<Replica> id, LocalModelOptions options, LocalModelParts parts)
{
    private const string Embeddings = "embeddings";

    // A process that has run this long has not failed at its start.
    private static readonly TimeSpan s_stable = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_leastPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_mostPause = TimeSpan.FromMinutes(1);

    private readonly DateTimeOffset _addedAt = parts.Time.GetUtcNow();
    private Replica? _replica;
    private string? _told;
    private int _starts;
    private long? _runningSince;

    /// <summary>Runs it until it is stopped.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var pause = s_leastPause;
        while (true)
        {
            _runningSince = null;
            var seen = parts.Listings.Value;
            var (state, reason) = await RunOnceAsync(cancellationToken);
            if (_runningSince is { } since && parts.Time.GetElapsedTime(since) >= s_stable)
                pause = s_leastPause;
            await TellAsync(state, reason, null, cancellationToken);
            if (reason != _told)
                parts.Logger.LogWarning("The model {Model} does not run at this node: {Reason}", options.Model, reason);
            _told = reason;
            // A listing that comes is looked at at once; all else when it is time.
            if (state is LocalModelState.Refused)
                await parts.Listings.WaitBeyondAsync(seen, pause, parts.Time, cancellationToken);
            else
                await Task.Delay(pause, parts.Time, cancellationToken);
            pause = pause * 2 > s_mostPause ? s_mostPause : pause * 2;
        }
    }

    /// <returns>Why it does not run any more.</returns>
    private async Task<(LocalModelState State, string Reason)> RunOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_replica is null)
                await TellAsync(LocalModelState.Loading, null, null, cancellationToken);
            var isProgram = ModelProgramFile.IsOne(options.File);
            // The file may be another one than when the node was started, or have come since.
            if (string.Join(' ', options.FaultsAs(isProgram)) is { Length: > 0 } faults && File.Exists(options.File))
                return Refused($"Inference:Local cannot be used for {options.File}: {faults}");
            if (parts.Library is null && !isProgram)
                return Refused($"llama.cpp's libraries are not known. {ModelServer.HowToGetLibraries}");
            if (!(await parts.Models.FindAsync(options.Listing, cancellationToken)).TryGet(out var listed, out var refusal))
                return Refused(refusal.Detail);
            return isProgram ? await RunProgramAsync(listed, cancellationToken) : await RunWorkerAsync(listed, parts.Library!, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Refused(failure.Message);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // Such as a database that is away: this is for a while, and no reason to give a model up.
            parts.Logger.LogError(failure, "The model {Model} could not be run; that is tried again.", options.Model);
            return (LocalModelState.Restarting, failure.Message);
        }
    }

    /// <summary>A GGUF file, in a process of its own.</summary>
    private async Task<(LocalModelState State, string Reason)> RunWorkerAsync(ListedModel listed, string library, CancellationToken cancellationToken)
    {
        if (GgufFile.Fault(options.File) is { } fault)
            return Refused(fault);
        var stamp = FileDigests.StampOf(options.File);
        var digest = await parts.Digests.FindAsync(stamp, cancellationToken);
        if (digest != listed.Weights)
            return OtherFile(digest, listed);
        await using var worker = await LocalWorker.StartAsync(options.Serving(library), cancellationToken);
        _starts++;
        await TellAsync(LocalModelState.Loading, null, worker, cancellationToken);
        if (await worker.WaitUntilReadyAsync(cancellationToken) is not { } ready)
            return worker.CannotServe ? Refused(worker.Said) : Ended(worker);
        if (!ready.Writes && listed.Model.Capabilities.Any(capability => capability != Embeddings))
            return Refused($"{options.File} gives embeddings only, and {options.Model} is listed with {string.Join(", ", listed.Model.Capabilities)}.");
        // What was hashed is what was loaded, unless somebody has put another file there meanwhile.
        if (FileDigests.StampOf(options.File) != stamp)
            return (LocalModelState.Restarting, $"{options.File} was changed while it was loaded.");
        _replica = ReplicaOf(listed.Model, new Uri(ready.Address)) with { Key = new ReplicaKey(worker.Key), IsToldWhose = true };
        _runningSince = parts.Time.GetTimestamp();
        await TellAsync(LocalModelState.Running, null, worker, cancellationToken);
        _told = null;
        parts.Logger.LogInformation("The model {Model} runs at this node: {Description}, {ContextLength} tokens of context, {Slots} at once.", options.Model, ready.Description, ready.ContextLength, options.Slots);
        await worker.WaitForEndAsync(cancellationToken);
        return Ended(worker);
    }

    /// <summary>A WebAssembly program, in the node's sandbox. What has been loaded stays, whatever becomes of the file.</summary>
    private async Task<(LocalModelState State, string Reason)> RunProgramAsync(ListedModel listed, CancellationToken cancellationToken)
    {
        var bytes = await ModelProgramFile.ReadAsync(options.File, cancellationToken);
        var digest = ContentHash.Of(bytes);
        if (digest != listed.Weights)
            return OtherFile(digest, listed);
        _starts++;
        await TellAsync(LocalModelState.Loading, null, null, cancellationToken);
        var requirements = new ProgramRequirements(
            listed.Model.Listing.Name, options.File, options.Slots, options.ProgramLimits(parts.MostAnswerBytes), new ProgramLog(options.Model, parts.Time, parts.Logger), parts.Time);
        var (loaded, fault) = await ModelProgram.LoadAsync(bytes, requirements, cancellationToken);
        if (loaded is null)
            return Refused(fault!);
        using var program = loaded;
        using var place = parts.Programs.Serve(id, program);
        _replica = ReplicaOf(listed.Model, ModelPrograms.AddressOf(id));
        await TellAsync(LocalModelState.Running, null, null, cancellationToken);
        _told = null;
        parts.Logger.LogInformation(
            "The model {Model} runs in this node's sandbox: a program of {Bytes} bytes, {SharedBytes} bytes of memory loaded, {Slots} requests at once.", options.Model, bytes.Length, program.SharedBytes ?? 0, options.Slots);
        await Task.Delay(Timeout.InfiniteTimeSpan, parts.Time, cancellationToken);
        return (LocalModelState.Restarting, "It has ended.");
    }

    private (LocalModelState State, string Reason) OtherFile(ContentHash digest, ListedModel listed) =>
        Refused($"{options.File} has the digest {digest}, and {options.Model} is listed with {listed.Weights}. Name the file that is listed, or list this one as another version.");

    private static (LocalModelState State, string Reason) Refused(string reason) => (LocalModelState.Refused, reason);

    private static (LocalModelState State, string Reason) Ended(LocalWorker worker) =>
        (LocalModelState.Restarting, $"Its process has ended{(worker.Said.Length > 0 ? ", and said: " + ReplicaCheck.Cut(worker.Said) : ".")}");

    private Replica ReplicaOf(ReplicaModel model, Uri address) => new(
        id,
        model,
        address,
        options.Model,
        parts.Region,
        ReplicaRules.DefaultWeight,
        // What is more waits here, accounts in turn, and not there.
        options.Slots,
        SqlReplicaStore.NothingAsNull(options.Price),
        IsDraining: false,
        _addedAt);

    private async Task TellAsync(LocalModelState state, string? reason, LocalWorker? worker, CancellationToken cancellationToken)
    {
        parts.Replicas.Set(new LocalModelStatus(id, options, state, reason, _replica, _starts, worker?.ProcessId, _addedAt));
        try
        {
            await parts.Directory.RefreshAsync(cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // The directory looks again by itself, and finds what has changed then.
            parts.Logger.LogWarning(failure, "Requests find the model {Model} as it is now a moment later.", options.Model);
        }

        // One that does not run gets no requests, before it has failed at any.
        parts.Fleets.Find(id)?.NoteHealth(state is LocalModelState.Running, ModelFleet.NowOf(parts.Time));
    }
}

/// <summary>What the models of a node are run with.</summary>
/// <param name="Library">The folder of llama.cpp's libraries; null when nobody has said it.</param>
/// <param name="Programs">Has requests find those that are programs.</param>
/// <param name="MostAnswerBytes">The most bytes of an answer.</param>
/// <param name="Region">Where the node stands.</param>
/// <param name="Models">What is listed.</param>
/// <param name="Listings">Is raised when that changes.</param>
/// <param name="Digests">Of files.</param>
/// <param name="Replicas">Is told how they are doing.</param>
/// <param name="Directory">Has requests find them.</param>
/// <param name="Fleets">Has what is measured of them.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">Of what does not run.</param>
internal sealed record LocalModelParts(
    string? Library, ModelPrograms Programs, long MostAnswerBytes, string? Region, ListedModels Models, Signal Listings, FileDigests Digests, LocalReplicas Replicas, ReplicaDirectory Directory, ModelFleets Fleets, TimeProvider Time, ILogger Logger);
