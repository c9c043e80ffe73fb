using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Tasks.Models;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>Opens the requests that go to suppliers.</summary>
/// <param name="tabs">Pay.</param>
/// <param name="models">Is told when a supplier seems to have other prices.</param>
/// <param name="node">Signs what agents may ask.</param>
/// <param name="telemetry">Counts.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Of lies.</param>
public sealed class SupplierDesk(SupplierTabs tabs, SupplierModels models, PrivateKey node, SupplyTelemetry telemetry, TimeProvider time, ILogger<SupplierDesk> logger)
{
    internal PrivateKey Node => node;

    internal TimeProvider Time => time;

    internal SupplyTelemetry Telemetry => telemetry;

    internal ILogger Logger => logger;

    /// <summary>Opens one.</summary>
    /// <param name="upstreams">The way there.</param>
    /// <param name="replica">Where it goes, and for how much.</param>
    /// <param name="most">The most that it may come to.</param>
    /// <param name="reservation">What its consumer has set aside.</param>
    /// <param name="capability">By what right an agent asks; null where it is none that asks.</param>
    internal SuppliedRequest Open(Upstreams upstreams, Replica replica, TokenUsage most, Reservation reservation, ModelCapability? capability) =>
        new(this, upstreams, replica, replica.Priced.PriceOf(most), reservation.Amount, capability);

    /// <summary>It has found fault with a request that another replica has answered.</summary>
    internal void NoteWrongRefusal(Replica replica) => TabOf(replica)?.NoteFailure("It refused a request that another one has answered.");

    internal SupplierTab? TabOf(Replica replica) => tabs.Find(replica.Supplied!.Node);

    internal void AskSoon(Replica replica) => models.AskSoon(replica.Supplied!.Node);
}
