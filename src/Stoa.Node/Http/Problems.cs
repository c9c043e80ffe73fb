using Stoa.Market;
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

/// <summary>The one table that turns refusals into problem details. Each row gives status, title, when it happens and what to do.</summary>
/// <remarks>The switches have no default, so a new case of an enum does not compile until it has its row.</remarks>
public static partial class Problems
{
    private static readonly Lazy<IReadOnlyDictionary<string, ProblemKind>> s_all = new(Collect);

    /// <summary>Every problem that this node may answer, by code, in alphabetical order.</summary>
    public static IReadOnlyDictionary<string, ProblemKind> All => s_all.Value;

    public static ProblemResult ToProblem(this Refusal<AnswerRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<AuctionRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<CallRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);
    public static ProblemResult ToProblem(this Refusal<TransferFeeRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<BudgetRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ChannelRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ContentRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<DisputeRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<IdentityRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<NetworkRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<OrganisationRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<PaymentRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<PlanRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<PublishRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ResolutionRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<OwnListingRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<GoodsRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ReviewRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<StatementFault> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ReplicaRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<RouteRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<SupplierRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<TaskRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<MessageRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<WebhookRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<ScheduleRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<SigningKeyRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<TemplateRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<WorkflowRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<TransferRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    public static ProblemResult ToProblem(this Refusal<WithdrawalRefusal> refusal) => new(Of(refusal.Code), refusal.Detail, refusal.Errors);

    /// <summary>A refusal of the node itself.</summary>
    /// <param name="refusal">The case.</param>
    /// <param name="detail">What happened and what to do next; null for the remedy of the table.</param>
    /// <param name="errors">Every reason, where there are several.</param>
    public static ProblemResult ToProblem(this RequestRefusal refusal, string? detail = null, IReadOnlyList<FieldError>? errors = null)
    {
        var kind = Of(refusal);
        return new ProblemResult(kind, detail ?? kind.Remedy, errors ?? []);
    }

    /// <summary>The refusal behind a status that was set without one, by the framework or by a bare result.</summary>
    public static RequestRefusal OfStatus(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => RequestRefusal.Unauthenticated,
        StatusCodes.Status403Forbidden => RequestRefusal.Forbidden,
        StatusCodes.Status404NotFound => RequestRefusal.NotFound,
        StatusCodes.Status405MethodNotAllowed => RequestRefusal.MethodNotAllowed,
        StatusCodes.Status406NotAcceptable => RequestRefusal.NotAcceptable,
        StatusCodes.Status408RequestTimeout => RequestRefusal.RequestTimeout,
        StatusCodes.Status413PayloadTooLarge => RequestRefusal.PayloadTooLarge,
        StatusCodes.Status415UnsupportedMediaType => RequestRefusal.UnsupportedMediaType,
        StatusCodes.Status416RangeNotSatisfiable => RequestRefusal.RangeNotSatisfiable,
        StatusCodes.Status429TooManyRequests => RequestRefusal.RateLimited,
        StatusCodes.Status431RequestHeaderFieldsTooLarge => RequestRefusal.HeadersTooLarge,
        StatusCodes.Status503ServiceUnavailable => RequestRefusal.Unavailable,
        StatusCodes.Status507InsufficientStorage => RequestRefusal.StorageFull,
        >= 400 and < 500 => RequestRefusal.RequestInvalid,
        _ => RequestRefusal.InternalError,
    };

    private static SortedDictionary<string, ProblemKind> Collect()
    {
        ProblemKind[] rows =
        [
            .. Enum.GetValues<RequestRefusal>().Select(Of),
            .. Enum.GetValues<AccountRefusal>().Select(Of),
            .. Enum.GetValues<AnswerRefusal>().Select(Of),
            .. Enum.GetValues<AuctionRefusal>().Select(Of),
            .. Enum.GetValues<CallRefusal>().Select(Of),
            .. Enum.GetValues<BudgetRefusal>().Select(Of),
            .. Enum.GetValues<TransferFeeRefusal>().Select(Of),
            .. Enum.GetValues<ChannelRefusal>().Select(Of),
            .. Enum.GetValues<ContentRefusal>().Select(Of),
            .. Enum.GetValues<DisputeRefusal>().Select(Of),
            .. Enum.GetValues<IdentityRefusal>().Select(Of),
            .. Enum.GetValues<NetworkRefusal>().Select(Of),
            .. Enum.GetValues<OrganisationRefusal>().Select(Of),
            .. Enum.GetValues<PaymentRefusal>().Select(Of),
            .. Enum.GetValues<PlanRefusal>().Select(Of),
            .. Enum.GetValues<PublishRefusal>().Select(Of),
            .. Enum.GetValues<StatementFault>().Select(Of),
            .. Enum.GetValues<SupplierRefusal>().Select(Of),
            .. Enum.GetValues<ReplicaRefusal>().Select(Of),
            .. Enum.GetValues<RouteRefusal>().Select(Of),
            .. Enum.GetValues<TaskRefusal>().Select(Of),
            .. Enum.GetValues<ReviewRefusal>().Select(Of),
            .. Enum.GetValues<ScheduleRefusal>().Select(Of),
            .. Enum.GetValues<SigningKeyRefusal>().Select(Of),
            .. Enum.GetValues<SingleSignOnRefusal>().Select(Of),
            .. Enum.GetValues<TemplateRefusal>().Select(Of),
            .. Enum.GetValues<WorkflowRefusal>().Select(Of),
            .. Enum.GetValues<TransferRefusal>().Select(Of),
            .. Enum.GetValues<GoodsRefusal>().Select(Of),
            .. Enum.GetValues<OwnListingRefusal>().Select(Of),
            .. Enum.GetValues<ResolutionRefusal>().Select(Of),
            .. Enum.GetValues<WithdrawalRefusal>().Select(Of),
            .. Enum.GetValues<WebhookRefusal>().Select(Of),
            .. Enum.GetValues<MessageRefusal>().Select(Of),
        ];
        // Two enums may share a code only when they mean the same: then their rows are one row.
        return new SortedDictionary<string, ProblemKind>(
            rows.Distinct().ToDictionary(kind => kind.Code, StringComparer.Ordinal), StringComparer.Ordinal);
    }
}
