using System.Globalization;
using System.Security.Cryptography;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.PayPerCall;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>A run of a program that a supplier is asked for.</summary>
/// <param name="Program">Its digest.</param>
/// <param name="Input">Digest of the input.</param>
/// <param name="InputBytes">Its size.</param>
/// <param name="Parameters">In the order in which the program is given them.</param>
/// <param name="Limits">The most that it may use.</param>
/// <param name="MediaType">Of the output, by the listing.</param>
public sealed record ProgramRun(ContentHash Program, ContentHash Input, long InputBytes, IReadOnlyList<TaskParameter> Parameters, AgentLimits Limits, string MediaType)
{
    /// <summary>What is chance otherwise, where it is fixed: then the receipt has to say the same, and the run is compared with others.</summary>
    public TaskWorld? World { get; init; }

    /// <summary>Whether a run may be compared with others, as it is where its world is fixed: their programs have to be told the parameters in one order.</summary>
    public bool IsComparable(Receipt receipt) => World is null || receipt.Parameters.SequenceEqual(Parameters);
}

/// <summary>Makes a call that was written at its supplier, pays for it, and checks what comes back.</summary>
/// <param name="suppliers">Where calls are written.</param>
/// <param name="connections">The way to them.</param>
/// <param name="telemetry">Counts.</param>
/// <param name="options">How long they have.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of what failed.</param>
public sealed class SupplierRuns(SqlSuppliers suppliers, SupplierConnections connections, SupplyTelemetry telemetry, SupplyOptions options, TimeProvider time, ILogger<SupplierRuns> logger)
{
    // A program's output comes with nothing else around it.
    private const int BufferBytes = 64 << 10;

    private const int MaxReasonLength = 500;

    /// <summary>Makes a call; made again it is the same one.</summary>
    /// <param name="call">As it was written.</param>
    /// <param name="run">What is asked for.</param>
    /// <param name="input">The way to the input.</param>
    /// <param name="output">Where the output goes.</param>
    /// <param name="progress">Told what the supplier tells of the run; null for nobody.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled. The call goes on, and may be made again.</exception>
    /// <exception cref="IOException">This node's own storage did not give the input, or did not take the output.</exception>
    public async Task<RemoteOutcome> RunAsync(
        SupplierCall call, ProgramRun run, OpenInput input, Stream output, AttemptProgress? progress, CancellationToken cancellationToken)
    {
        run = run with { Limits = call.LimitsOf(run.Limits) };
        using var late = new CancellationTokenSource(TimeSpan.FromMilliseconds(run.Limits.TimeoutMs) + options.PatienceFor(run.InputBytes), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await CallAsync(call, run, input, output, progress, either.Token);
        }
        catch (StoreFailedException failure)
        {
            throw new IOException(failure.Message, failure);
        }
        catch (Exception failure) when (failure is not OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            // A connection that is given up may say so in words of its own.
            throw new OperationCanceledException(failure.Message, failure, cancellationToken);
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            var isDeclined = failure is StoaException { Code: var code } && code == EnumWord.Of(CallRefusal.CallFailed);
            var why = late.IsCancellationRequested ? "It was not done in time." : failure.Message;
            return await FailAsync(call, isDeclined ? CallOutcome.Declined : CallOutcome.Failed, why);
        }
    }

    /// <summary>Has a supplier stop a call, if it can be told within a moment. One that cannot be told has failed; what that costs it says with the next call.</summary>
    /// <returns>True when the call has ended otherwise: made again, it gives what was done and charged.</returns>
    public async Task<bool> StopAsync(SupplierCall call, ContentHash program, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromMilliseconds(options.QuoteTimeoutMs);
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            using var client = connections.Open(call.Supplier.Address, timeout);
            var voucher = new ChannelVoucherBody(call.Supplier.Channel.ToString(), new VoucherBody((await suppliers.SignAsync(call, either.Token)).Envelope));
            if ((await client.CancelProgramCallAsync(program.ToString(), call.Key, PaymentNetwork.Of(call.Supplier.Node), voucher, either.Token)).State != TaskStateNames.Cancelled)
                return true;
            await suppliers.FailAsync(call, CallOutcome.Cancelled, "Its consumer cancelled it.", CancellationToken.None);
            telemetry.Called(CallOutcome.Cancelled);
            return false;
        }
        catch (StoaException refused) when (refused.Code == EnumWord.Of(TaskRefusal.AlreadyFinal))
        {
            return true;
        }
        catch (StoaException refused) when (refused.Code == EnumWord.Of(CallRefusal.CallUnknown))
        {
            // It has not come there, or not yet.
            logger.LogInformation("The supplier {Node} does not know the call of {Task} that is cancelled: {Reason}", call.Supplier.Node, call.Task, refused.Message);
            return false;
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            await FailAsync(call, CallOutcome.Failed, $"It was not told that the task is cancelled: {failure.Message}");
            return false;
        }
    }

    private async Task<RemoteOutcome> CallAsync(
        SupplierCall call, ProgramRun run, OpenInput input, Stream output, AttemptProgress? progress, CancellationToken cancellationToken)
    {
        var patience = TimeSpan.FromSeconds(options.PatienceSeconds);
        // The limits on the two are apart: an answer of words is never as long as an output may be.
        using var client = connections.Open(call.Supplier.Address, patience, Math.Max(run.Limits.OutputBytes, SupplierConnections.MaxAnswerBytes));
        using var words = connections.Open(call.Supplier.Address, patience);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var outputBytes = 0L;
        await using var watch = progress is null ? null : new CallWatch(connections, call.Supplier.Address, progress, logger);
        var done = await client.CallProgramAsync(
            run.Program.ToString(), new CallInput(run.Input, run.InputBytes, OpenAsync), run.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value, StringComparer.Ordinal), run.Limits.ToContract(), call.Key,
            PayAsync, ReadAsync, run.World is { } world ? new CallWorld(world.Seed, world.ClockMs) : null, watch is null ? null : watch.Begin, cancellationToken);
        if (done.CallId.Length == 0 || !Money.TryParse(done.Payment.Amount, out var charged))
            return await FailAsync(call, CallOutcome.Lied, "It does not say what was done, or what was charged.");
        var envelope = await words.GetCallReceiptAsync(done.CallId, done.Paid, cancellationToken);
        var expected = new ExpectedReceipt(call.Supplier.Node, run.Program, run.Input, run.InputBytes, run.Parameters, run.Limits, call.Amount)
        {
            World = run.World,
            Agent = call.Agent,
            Patience = patience,
        };
        var answer = new SupplyAnswer(done.CallId, ContentHash.FromBytes(hash.GetHashAndReset()), outputBytes, charged);
        if (!SupplyCheck.Check(envelope, expected, answer).TryGet(out var receipt, out var fault))
            return await FailAsync(call, CallOutcome.Lied, $"{fault.Code}: {fault.Detail}");
        // What cannot be compared is no lie, and was charged; of use it is not.
        var outcome = run.IsComparable(receipt) ? CallOutcome.Done : CallOutcome.Declined;
        if (!await suppliers.EndAsync(call, receipt.Id, receipt.Price, outcome, cancellationToken))
            return await FailAsync(call, CallOutcome.Lied, $"It gave the receipt {receipt.Id} of an earlier task again.");
        telemetry.Called(outcome);
        return outcome is CallOutcome.Done
            ? new RemoteOutcome.Completed(receipt, envelope, outputBytes, run.MediaType)
            : Failed(call, outcome, "It has the program with its parameters in another order, which may show in what a program writes.");

        async Task<ChannelVoucherBody> PayAsync(PaymentRequirements required, CancellationToken stop)
        {
            if (required.Network != PaymentNetwork.Of(call.Supplier.Node))
                throw new FormatException($"It wants to be paid at {required.Network}.");
            if (!Money.TryParse(required.Amount, out var amount) || amount > call.Amount)
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"It asks for {required.Amount} USD, and its quote was {call.Amount} USD."));
            if (required.Extra?.Cumulative is { } text)
            {
                if (!Money.TryParse(text, out var cumulative))
                    throw new FormatException($"It asks for a voucher of '{text}'.");
                if (cumulative > call.Voucher)
                    call = await suppliers.RaiseAsync(call, cumulative, stop) ?? throw new FormatException($"It asks for a voucher of {text} USD in all, more than was agreed on.");
            }

            return new ChannelVoucherBody(call.Supplier.Channel.ToString(), new VoucherBody((await suppliers.SignAsync(call, stop)).Envelope));
        }

        async Task<Stream> OpenAsync(CancellationToken stop)
        {
            try
            {
                return new OwnInput(await input(stop));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new StoreFailedException(failure);
            }
        }

        async Task ReadAsync(Stream body, CancellationToken stop)
        {
            var buffer = new byte[BufferBytes];
            for (int read; (read = await body.ReadAsync(buffer, stop)) > 0;)
            {
                if ((outputBytes += read) > run.Limits.OutputBytes)
                    throw new FormatException($"Its output has more than {run.Limits.OutputBytes} bytes.");
                hash.AppendData(buffer.AsSpan(0, read));
                try
                {
                    await output.WriteAsync(buffer.AsMemory(0, read), stop);
                }
                catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
                {
                    throw new StoreFailedException(failure);
                }
            }
        }
    }

    private async Task<RemoteOutcome> FailAsync(SupplierCall call, CallOutcome outcome, string reason)
    {
        // Some of it are the words of a stranger.
        var why = string.Concat(reason.Take(MaxReasonLength).Select(letter => char.IsControl(letter) || char.IsSurrogate(letter) ? ' ' : letter));
        await suppliers.FailAsync(call, outcome, why, CancellationToken.None);
        telemetry.Called(outcome);
        return Failed(call, outcome, why);
    }

    private RemoteOutcome.Failed Failed(SupplierCall call, CallOutcome outcome, string why)
    {
        logger.LogWarning("The supplier {Node} did not do {Task} ({Outcome}): {Reason}", call.Supplier.Node, call.Task, outcome, why);
        return new RemoteOutcome.Failed($"The node {call.Supplier.Node} did not do it: {why}");
    }

    /// <summary>This node's own storage did not give the input, or did not take the output: that is not the supplier's fault.</summary>
    private sealed class StoreFailedException(Exception cause) : Exception(cause.Message, cause);

    /// <summary>An input on its way to a supplier.</summary>
    private sealed class OwnInput(Stream stored) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await stored.ReadAsync(buffer, cancellationToken);
            }
            catch (IOException failure)
            {
                throw new StoreFailedException(failure);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await stored.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                stored.Dispose();
            base.Dispose(disposing);
        }
    }
}
