using Stoa.Market;
using Stoa.Market.SingleSignOn;

namespace Stoa.Node.SingleSignOn;

/// <summary>A provider does not do what is needed of it. The message is for people of the organisation: it says nothing of this node's network.</summary>
public sealed class ProviderException(SingleSignOnRefusal code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The refusal that it becomes.</summary>
    public Refusal<SingleSignOnRefusal> ToRefusal() => new(code, Message);
}
