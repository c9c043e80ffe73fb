using System.Net;
using System.Net.Sockets;
using Stoa.Market.Webhooks;

namespace Stoa.Node.Http;

/// <summary>Finds the addresses of a name, as the resolver of the operating system does.</summary>
public delegate Task<IPAddress[]> ResolveName(string name, CancellationToken cancellationToken);

/// <summary>Connects to what a stranger has named: a webhook, an identity provider.</summary>
/// <remarks>
/// The addresses are checked where the connection is made, after the name was resolved, so that a name cannot mean one address when it is
/// checked and another one when it is used. No redirect is followed, no proxy of the node is used, and no cookie kept.
/// </remarks>
internal static class StrangerConnections
{
    /// <summary>A handler that makes such connections.</summary>
    /// <param name="resolve">Finds addresses.</param>
    /// <param name="allowPrivateAddresses">Whether this machine and its network may be connected to.</param>
    public static SocketsHttpHandler NewHandler(ResolveName resolve, bool allowPrivateAddresses) => new()
    {
        ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, resolve, allowPrivateAddresses, cancellationToken),
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = 16,
        MaxResponseDrainSize = 64 << 10,
        ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        MaxConnectionsPerServer = 16,
        // A name is resolved and checked again at least so often.
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
    };

    /// <summary>What whoever named the address needs to know of a failure, and nothing of this node's network; null for one that has to do with what was answered.</summary>
    public static string? Explain(HttpRequestException failure) => failure switch
    {
        { InnerException: AddressRefusedException } => "The name has no address on the public internet.",
        { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } } => "The name cannot be resolved.",
        { HttpRequestError: HttpRequestError.SecureConnectionError } => "No secure connection could be made: check the certificate.",
        { HttpRequestError: HttpRequestError.NameResolutionError } => "The name cannot be resolved.",
        { HttpRequestError: HttpRequestError.ConnectionError } => "No connection could be made.",
        _ => null,
    };

    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint wanted, ResolveName resolve, bool allowPrivateAddresses, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(wanted.Host, out var literal) ? [literal] : await resolve(wanted.Host, cancellationToken);
        var allowed = allowPrivateAddresses ? addresses : [.. addresses.Where(PublicAddress.Is)];
        if (allowed.Length == 0)
            throw new AddressRefusedException();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, wanted.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class AddressRefusedException() : IOException("The name has no address that may be connected to.");
}
