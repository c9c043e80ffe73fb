using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Supply;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Replicas;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>One request to a model at a supplier: ordered, paid for, and its answer held against the receipt. When it has ended it is settled at the tab, whatever has come of it.</summary>
/// <param name="desk">What it needs.</param>
/// <param name="upstreams">The way there.</param>
/// <param name="replica">Where it goes.</param>
/// <param name="most">The most that it costs by the agreed prices.</param>
/// <param name="setAside">What its consumer has set aside.</param>
/// <param name="capability">By what right an agent asks; null where it is none that asks.</param>
internal sealed class SuppliedRequest(SupplierDesk desk, Upstreams upstreams, Replica replica, Money most, Money setAside, ModelCapability? capability) : IReplicaRequest
{
    private SupplierTab? _tab;
    private OrderDialogue? _dialogue;
    private AnswerWitness? _witness;
    private Money _paid;
    private Money? _counted;
    private Money? _owed;
    private string? _failure;

    /// <inheritdoc/>
    public Replica Replica => replica;

    /// <inheritdoc/>
    /// <remarks>An agent that is stopped waits for nothing.</remarks>
    public bool IsReadToItsEnd => capability is null;

    /// <inheritdoc/>
    /// <remarks>What its receipt says.</remarks>
    public bool IsPricedAtItsEnd => true;

    /// <inheritdoc/>
    public Task? Written => null;

    /// <inheritdoc/>
    public bool TryKeep() => true;

    /// <inheritdoc/>
    public async Task<HttpResponseMessage> SendAsync(InferenceRequest request, long maxTokens, CancellationToken cancellationToken)
    {
        // What its price has become meanwhile its consumer has not agreed to.
        if (most > setAside)
            throw PassOver($"Its price has risen to {most} USD at most, and {setAside} were set aside.");
        var tab = desk.TabOf(replica) ?? throw PassOver("The supplier was removed.");
        if (await tab.ReserveAsync(most, cancellationToken) is { } reason)
            throw PassOver(reason);
        _tab = tab;
        var ask = capability is null ? null : SupplierOrder.Allow(capability, tab.Supplier, replica, most, desk.Node);
        var order = new SupplierOrder(tab, replica, most, request, maxTokens, ask);
        _witness = new AnswerWitness(order, desk.Logger);
        _dialogue = new OrderDialogue(desk, tab, order);
        var answer = await _dialogue.SendAsync(upstreams, cancellationToken);
        _witness.TakeHead(answer);
        return answer;
    }

    /// <inheritdoc/>
    public ReceivedEvent TakeEvent(ReadOnlySpan<byte> @event) => _witness!.TakeEvent(@event);

    /// <inheritdoc/>
    /// <remarks>One that was cut off is not whole, and has no receipt.</remarks>
    public void NoteEndless(long counted, long most) => _witness!.NoteLie(AnswerFault.AnswerEndless, $"It wrote some {counted} tokens, and was asked for at most {most}.");

    /// <inheritdoc/>
    public AnswerCharge? Judge(ReadOnlySpan<byte> whole, in AnswerClaims claims, long inputTokens, long mostOutput) =>
        _witness!.Judge(whole, claims, inputTokens, mostOutput) is { } told ? new AnswerCharge(told.Tokens, told.Price) : null;

    /// <inheritdoc/>
    public async ValueTask<AnswerCharge?> FindOwedAsync(long inputTokens)
    {
        if (_dialogue is not { MayBeCharged: true } dialogue || await dialogue.FindGivenUpAsync(upstreams, inputTokens) is not { } told)
            return null;
        _owed = told.Price;
        if (told.Price == Money.Zero)
            return null;
        return new AnswerCharge(told.Tokens, told.Price);
    }

    /// <inheritdoc/>
    public void NotePaid(Money price) => _paid = price;

    /// <inheritdoc/>
    public void NoteFailure(UpstreamException failure, Money counted)
    {
        if (failure.ClientFault is not null || failure.IsBusy)
            return;
        _failure = ReplicaCheck.Cut(failure.Said.Length > 0 ? $"{failure.Message} It said: {failure.Said}" : failure.Message);
        // What it broke off itself it has not written. One that stands still may write on.
        if (_dialogue is { IsTaken: true } && failure.Kind is not UpstreamFailureKind.TooSlow)
            _counted = counted;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _witness?.Dispose();
        if (_tab is not { } tab)
            return;
        _tab = null;
        if (_witness?.Told is { } told)
        {
            var end = _failure is null ? CallOutcome.Done : CallOutcome.Failed;
            tab.Settle(most, told.Price, told.Price, end, _failure);
            desk.Telemetry.Called(end);
            return;
        }

        var lie = _witness?.Lie;
        CallOutcome? outcome = lie is not null ? CallOutcome.Lied : _failure is not null ? CallOutcome.Failed : null;
        var charged = _dialogue is not { MayBeCharged: true } ? Money.Zero : lie is not null ? _paid : _owed ?? _counted ?? most;
        tab.Settle(most, _paid, charged, outcome, lie ?? _failure);
        if (outcome is { } ended)
            desk.Telemetry.Called(ended);
    }

    private static UpstreamException PassOver(string reason) => new(UpstreamFailureKind.Refused, $"The supplier is passed over: {reason}") { IsBusy = true };
}
