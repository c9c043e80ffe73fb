using System.Globalization;
using System.Security.Cryptography;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Has tasks run at other operators' nodes, by the calls that they sell to everybody.</summary>
/// <remarks>
/// An attempt goes to one supplier; the retry of the queue brings the next one. What was begun is gone on with, by whichever node of the cell has the task then: the call bears the same key and
/// the same voucher, and is the same call at the supplier.
/// </remarks>
/// <param name="agents">What the network lists.</param>
/// <param name="offers">What of it suppliers would run.</param>
/// <param name="suppliers">Whom tasks are given to.</param>
/// <param name="quotes">What they would take.</param>
/// <param name="connections">The way to them.</param>
/// <param name="options">How long they have.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of what failed.</param>
public sealed class RemoteWork(
    SqlForeignAgents agents, NetworkOffers offers, SqlSuppliers suppliers, SupplierQuotes quotes, SupplierConnections connections, SupplyOptions options, TimeProvider time, ILogger<RemoteWork> logger) : IRemoteWork
{
    // A program's output comes with nothing else around it.
    private const int BufferBytes = 64 << 10;

    private const int MaxReasonLength = 500;

    /// <inheritdoc/>
    public Task<ForeignAgent?> FindAsync(ListingName named, CancellationToken cancellationToken) => agents.FindAsync(named, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<NetworkOffer>> ListOffersAsync(RemoteSearch search, CancellationToken cancellationToken) => offers.ListAsync(search, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListRegionsAsync(Id<AgentTask> task, CancellationToken cancellationToken) => suppliers.ListRegionsAsync(task, cancellationToken);

    /// <inheritdoc/>
    public async Task<Outcome<Money, TaskRefusal>> QuoteAsync(RemoteOrder order, Money? most, CancellationToken cancellationToken)
    {
        var ranked = await quotes.RankAsync(order, cancellationToken);
        if (ranked.Count == 0)
        {
            return new Refusal<TaskRefusal>(
                TaskRefusal.SupplierUnavailable,
                "The agent was published elsewhere in the network, and no supplier of this node"
                + (order.Regions.Count == 0 ? "" : $" in {string.Join(" or ", order.Regions)}")
                + " offers it and says a price now. Try again later, or ask the operator for a supplier that has it.");
        }

        var affordable = ranked.Where(quote => most is null || quote.Amount <= most).Take(SupplierChoice.MaxSuppliers).ToList();
        return affordable.Count > 0 ? affordable.Max(quote => quote.Amount) : ranked.Min(quote => quote.Amount);
    }

    /// <inheritdoc/>
    public async Task<RemoteOutcome> RunAsync(AgentTask task, ReadOnlyMemory<byte> input, Stream output, CancellationToken cancellationToken)
    {
        var agent = await agents.GetAsync(task.AgentId, cancellationToken) ?? throw new IOException($"The listing of {task.Agent} is not in the database.");
        var call = await suppliers.FindCallAsync(task.Id, cancellationToken) ?? await BeginAsync(task, agent, cancellationToken);
        if (call is null)
            return new RemoteOutcome.Failed($"No supplier that offers {task.Agent} takes it for at most {task.MaxPrice} USD now.");
        using var late = new CancellationTokenSource(TimeSpan.FromMilliseconds(task.Limits.TimeoutMs) + TimeSpan.FromSeconds(options.PatienceSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await CallAsync(call, task, agent, input, output, either.Token);
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
            var isDeclined = failure is StoaException { Code: "callFailed" };
            var why = late.IsCancellationRequested ? "It was not done in time." : failure.Message;
            return await FailAsync(call, isDeclined ? CallOutcome.Declined : CallOutcome.Failed, why);
        }
    }

    private async Task<SupplierCall?> BeginAsync(AgentTask task, ForeignAgent agent, CancellationToken cancellationToken)
    {
        var order = new RemoteOrder(agent.ProgramDigest, task.Input.SizeBytes, task.Limits, await suppliers.ListRegionsAsync(task.Id, cancellationToken));
        var tried = await suppliers.ListTriedAsync(task.Id, cancellationToken);
        // Whoever has not had it comes first; whoever has lied about it does not get it again.
        var ranked = (await quotes.RankAsync(order, cancellationToken))
            .Where(quote => quote.Amount <= task.MaxPrice && tried.GetValueOrDefault(quote.Supplier.Id) is not CallOutcome.Lied)
            .OrderBy(quote => tried.ContainsKey(quote.Supplier.Id));
        foreach (var quote in ranked)
        {
            if (await suppliers.BeginAsync(task.Id, quote.Supplier.Id, quote.Amount, cancellationToken) is { } call)
                return call;
        }

        return null;
    }

    private async Task<RemoteOutcome> CallAsync(SupplierCall call, AgentTask task, ForeignAgent agent, ReadOnlyMemory<byte> input, Stream output, CancellationToken cancellationToken)
    {
        var patience = TimeSpan.FromSeconds(options.PatienceSeconds);
        // The limits on the two are apart: an answer of words is never as long as an output may be.
        using var client = connections.Open(call.Supplier.Address, patience, Math.Max(task.Limits.OutputBytes, SupplierConnections.MaxAnswerBytes));
        using var words = connections.Open(call.Supplier.Address, patience);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var outputBytes = 0L;
        var done = await client.CallProgramAsync(
            agent.ProgramDigest.ToString(), input, task.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value, StringComparer.Ordinal), task.Limits.ToContract(), call.Key,
            PayAsync, ReadAsync, cancellationToken);
        if (done.CallId.Length == 0 || !Money.TryParse(done.Payment.Amount, out var charged))
            return await FailAsync(call, CallOutcome.Lied, "It does not say what was done, or what was charged.");
        var envelope = await words.GetCallReceiptAsync(done.CallId, done.Paid, cancellationToken);
        var order = new SupplyOrder(call.Supplier.Node, agent.ProgramDigest, task.Input.Digest, task.Input.SizeBytes, task.Parameters, task.Limits, call.Amount);
        var answer = new SupplyAnswer(done.CallId, ContentHash.FromBytes(hash.GetHashAndReset()), outputBytes, charged);
        if (!SupplyCheck.Check(envelope, order, answer).TryGet(out var receipt, out var fault))
            return await FailAsync(call, CallOutcome.Lied, $"{fault.Code}: {fault.Detail}");
        return await suppliers.EndAsync(call, receipt.Id, receipt.Price, cancellationToken)
            ? new RemoteOutcome.Completed(receipt, envelope, outputBytes, agent.Manifest.Output.MediaType)
            : await FailAsync(call, CallOutcome.Lied, $"It gave the receipt {receipt.Id} of an earlier task again.");

        async Task<ChannelVoucherBody> PayAsync(PaymentRequirements required, CancellationToken stop)
        {
            if (required.Network != $"stoa:{call.Supplier.Node}")
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

        async Task ReadAsync(Stream body, CancellationToken stop)
        {
            var buffer = new byte[BufferBytes];
            for (int read; (read = await body.ReadAsync(buffer, stop)) > 0;)
            {
                if ((outputBytes += read) > task.Limits.OutputBytes)
                    throw new FormatException($"Its output has more than {task.Limits.OutputBytes} bytes.");
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
        logger.LogWarning("The supplier {Node} did not do {Task} ({Outcome}): {Reason}", call.Supplier.Node, call.Task, outcome, why);
        await suppliers.FailAsync(call, outcome, why, CancellationToken.None);
        return new RemoteOutcome.Failed($"The node {call.Supplier.Node} did not do it: {why}");
    }

    /// <summary>This node's own storage did not take the output: that is not the supplier's fault.</summary>
    private sealed class StoreFailedException(Exception cause) : Exception(cause.Message, cause);
}
