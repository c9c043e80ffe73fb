using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Channels;
using Stoa.Market.Disputes;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Ledger;
using Stoa.Market.Messages;
using Stoa.Market.Metering;
using Stoa.Market.Payments;
using Stoa.Market.PayPerCall;
using Stoa.Market.Plans;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Market.Registry.Resolution;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Reviews;
using Stoa.Market.Schedules;
using Stoa.Market.Signing;
using Stoa.Market.SingleSignOn;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Market.Templates;
using Stoa.Market.Webhooks;
using Stoa.Market.Workflows;
using Stoa.Node.Network;

namespace Stoa.Node.Http;

/// <summary>Says which refusals an endpoint may answer, for the OpenAPI document. Those that every endpoint may answer need not be said.</summary>
public static class Refusing
{
    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params RequestRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params AccountRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params AnswerRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params AuctionRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params CallRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params BudgetRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params TransferFeeRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ChannelRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ContentRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params DisputeRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params IdentityRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params NetworkRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params OrganisationRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params PaymentRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params PlanRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params PublishRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params StatementFault[] faults)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(faults.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ReplicaRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params RouteRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params SupplierRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params TaskRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params TransferRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params MessageRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params WebhookRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ResolutionRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ReviewRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params OwnListingRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params GoodsRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params ScheduleRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params SigningKeyRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params SingleSignOnRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params TemplateRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params WithdrawalRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    public static TBuilder Refuses<TBuilder>(this TBuilder endpoint, params WorkflowRefusal[] refusals)
        where TBuilder : IEndpointConventionBuilder => endpoint.Refuses(refusals.Select(Problems.Of));

    private static TBuilder Refuses<TBuilder>(this TBuilder endpoint, IEnumerable<ProblemKind> kinds)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata([.. kinds.Select(kind => new RefusedWith(kind))]);
}

/// <summary>One refusal that an endpoint may answer.</summary>
public sealed record RefusedWith(ProblemKind Kind);
