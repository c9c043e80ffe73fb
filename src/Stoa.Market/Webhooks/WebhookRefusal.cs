namespace Stoa.Market.Webhooks;

/// <summary>Every reason for which an act on a webhook is refused.</summary>
public enum WebhookRefusal
{
    /// <summary>No such webhook, or it belongs to somebody else.</summary>
    WebhookUnknown,

    /// <summary>Address, name or event types are not as they must be; every reason is listed.</summary>
    WebhookInvalid,

    /// <summary>The user has as many webhooks as one may have.</summary>
    WebhooksTooMany,

    /// <summary>The webhook is disabled, so nothing can be sent to it.</summary>
    WebhookDisabled,

    /// <summary>The webhook has no such delivery, or it was long ago.</summary>
    DeliveryUnknown,
}
