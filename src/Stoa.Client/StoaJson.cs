using System.Text.Json.Serialization;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

/// <summary>How the contracts are written on the wire: camelCase, nulls left out, times in UTC with milliseconds, without reflection.</summary>
/// <remarks>A client skips members that it does not know, so that a newer node may add some. A node reads with stricter options.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)],
    MaxDepth = MaxDepth)]
[JsonSerializable(typeof(AccountResponse))]
[JsonSerializable(typeof(ListResponse<AccountResponse>))]
[JsonSerializable(typeof(JournalBlocksResponse))]
[JsonSerializable(typeof(AgentManifestBody))]
[JsonSerializable(typeof(AgentResponse))]
[JsonSerializable(typeof(ListResponse<AgentResponse>))]
[JsonSerializable(typeof(ApiKeyResponse))]
[JsonSerializable(typeof(ListResponse<ApiKeyResponse>))]
[JsonSerializable(typeof(AuctionResponse))]
[JsonSerializable(typeof(SealedBidResponse))]
[JsonSerializable(typeof(BidStatement))]
[JsonSerializable(typeof(BiddingPolicyBody))]
[JsonSerializable(typeof(BiddingResponse))]
[JsonSerializable(typeof(BatchResponse))]
[JsonSerializable(typeof(ListResponse<BatchResponse>))]
[JsonSerializable(typeof(BatchEventData))]
[JsonSerializable(typeof(SubmitBatchRequest))]
[JsonSerializable(typeof(BlobResponse))]
[JsonSerializable(typeof(CloudEvent))]
[JsonSerializable(typeof(CreateApiKeyRequest))]
[JsonSerializable(typeof(DepositRequest))]
[JsonSerializable(typeof(DsseEnvelope))]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(NodeResponse))]
[JsonSerializable(typeof(ListResponse<ListedNodeResponse>))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(QuotaResponse))]
[JsonSerializable(typeof(SetQuotaRequest))]
[JsonSerializable(typeof(QuoteResponse))]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(RefusedMessage))]
[JsonSerializable(typeof(ChoiceBody))]
[JsonSerializable(typeof(SelectionResponse))]
[JsonSerializable(typeof(SessionResponse))]
[JsonSerializable(typeof(SubmitTaskRequest))]
[JsonSerializable(typeof(SubscribeRequest))]
[JsonSerializable(typeof(SubscribedResponse))]
[JsonSerializable(typeof(TaskEventData))]
[JsonSerializable(typeof(TaskProgressData))]
[JsonSerializable(typeof(TaskLogData))]
[JsonSerializable(typeof(TaskResponse))]
[JsonSerializable(typeof(ListResponse<TaskResponse>))]
[JsonSerializable(typeof(TransferResponse))]
[JsonSerializable(typeof(ListResponse<TransferResponse>))]
[JsonSerializable(typeof(UserResponse))]
[JsonSerializable(typeof(WalletResponse))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(CreateScheduleRequest))]
[JsonSerializable(typeof(UpdateScheduleRequest))]
[JsonSerializable(typeof(ScheduleResponse))]
[JsonSerializable(typeof(ListResponse<ScheduleResponse>))]
[JsonSerializable(typeof(ListResponse<ScheduleRunBody>))]
[JsonSerializable(typeof(TemplateCallBody))]
[JsonSerializable(typeof(CreateTemplateRequest))]
[JsonSerializable(typeof(TemplateResponse))]
[JsonSerializable(typeof(ListResponse<TemplateResponse>))]
[JsonSerializable(typeof(SubmitTemplateRequest))]
[JsonSerializable(typeof(ReplayTasksRequest))]
[JsonSerializable(typeof(ReplaysResponse))]
[JsonSerializable(typeof(PutReviewRequest))]
[JsonSerializable(typeof(AnswerReviewRequest))]
[JsonSerializable(typeof(ReviewResponse))]
[JsonSerializable(typeof(ListResponse<ReviewResponse>))]
[JsonSerializable(typeof(AgentReviewsResponse))]
[JsonSerializable(typeof(CreateWebhookRequest))]
[JsonSerializable(typeof(UpdateWebhookRequest))]
[JsonSerializable(typeof(WebhookResponse))]
[JsonSerializable(typeof(ListResponse<WebhookResponse>))]
[JsonSerializable(typeof(WebhookDeliveryResponse))]
[JsonSerializable(typeof(ListResponse<WebhookDeliveryResponse>))]
public sealed partial class StoaJson : JsonSerializerContext
{
    /// <summary>How deep arrays and objects may nest.</summary>
    public const int MaxDepth = 32;
}
