using System.Text.Json;
using Stoa.Client;

namespace Stoa.Node.Supply;

/// <summary>Between what this cell says and what the wire does.</summary>
internal static class SupplierFaults
{
    /// <summary>Whether a failure is that of a supplier or of the way there, and not of this node.</summary>
    public static bool IsOfSupplier(Exception failure) =>
        failure is StoaException or NodeUnreachableException or HttpRequestException or IOException or OperationCanceledException or TimeoutException or JsonException or FormatException
            or OverflowException or NotSupportedException;
}
