using System.Net;
using Stoa.Client;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Connections to suppliers. Addresses come from an administrator; what is answered comes from strangers, and is bounded.</summary>
public sealed class SupplierConnections : IDisposable
{
    /// <summary>Most bytes of an answer that is not an output.</summary>
    public const long MaxAnswerBytes = 1 << 20;

    private readonly SocketsHttpHandler _handler = new()
    {
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
    };

    /// <summary>A client of a node. Its calls are tried once.</summary>
    /// <param name="address">Of the node.</param>
    /// <param name="timeout">How long it waits for the head of an answer.</param>
    /// <param name="maxBytes">More of an answer fails.</param>
    public StoaClient Open(Uri address, TimeSpan timeout, long maxBytes = MaxAnswerBytes) => new(new StoaClientOptions
    {
        Address = address,
        Handler = new BoundedAnswers(_handler, maxBytes),
        MaxAttempts = 1,
        ResponseTimeout = timeout,
        UserAgent = "stoa-node",
    });

    public void Dispose() => _handler.Dispose();

    private sealed class BoundedAnswers : DelegatingHandler
    {
        private readonly long _maxBytes;

        public BoundedAnswers(HttpMessageHandler inner, long maxBytes)
            : base(inner) => _maxBytes = maxBytes;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            var bounded = new StreamContent(new BoundedStream(await response.Content.ReadAsStreamAsync(cancellationToken), _maxBytes));
            foreach (var (name, values) in response.Content.Headers)
                bounded.Headers.TryAddWithoutValidation(name, values);
            response.Content = bounded;
            return response;
        }
    }

    private sealed class BoundedStream(Stream inner, long maxBytes) : ReadOnlyStream
    {
        private long _left = maxBytes;

        public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => Count(await inner.ReadAsync(buffer, cancellationToken));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        private int Count(int read) => (_left -= read) >= 0 ? read : throw new HttpRequestException("The answer is longer than it may be.");
    }
}
