namespace Stoa.Market.PayPerCall;

/// <summary>Every reason for which an answer of a model is not sold, beside those of payments and vouchers.</summary>
public enum AnswerRefusal
{
    /// <summary>No answers of such a model are sold here.</summary>
    ModelNotSold,

    /// <summary>The request is not signed by the payer of the channel, or is not the one that was signed.</summary>
    SignatureInvalid,

    /// <summary>The request came before.</summary>
    RequestReplayed,

    /// <summary>The agent that asks may not make this request, or nobody has signed that it may.</summary>
    AskInvalid,

    /// <summary>The request may cost more than any request may.</summary>
    AnswerTooDear,

    /// <summary>As many requests of the payer are under way or wait, or have as many bytes, as may be.</summary>
    AnswersTooMany,

    /// <summary>Nobody can answer now.</summary>
    AnswersBusy,

    /// <summary>Those who serve the model were asked, and none answered.</summary>
    AnswerFailed,

    /// <summary>No receipt of such a request is kept.</summary>
    AnswerReceiptUnknown,
}
