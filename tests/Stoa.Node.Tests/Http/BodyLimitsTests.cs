using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Http;

/// <summary>Bodies that are larger than their endpoint takes, byte by byte.</summary>
public sealed class BodyLimitsTests : IAsyncLifetime
{
    // More than all buffers between both sides hold: it is not sent unless it is read.
    private const int BodyBytes = 24 << 20;

    private TestNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData("/api/v1/users", true)]
    [InlineData("/api/v1/users", false)]
    [InlineData("/v1/chat/completions", true)]
    [InlineData("/v1/chat/completions", false)]
    public async Task Client_ThatSendsTooMuch_GetsTheAnswer_AndItsConnectionIsGoodForMore(string path, bool saysHowLong)
    {
        var address = _node.Client.Options.Address;
        using var connection = new TcpClient();
        await connection.ConnectAsync(address.Host, address.Port, Stop);
        var stream = connection.GetStream();

        var sending = SendAsync(stream, path, saysHowLong);
        await UntilAsync(stream, "HTTP/1.1 413");
        await sending;
        await stream.WriteAsync(Encoding.ASCII.GetBytes("GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"), Stop);

        await UntilAsync(stream, "HTTP/1.1 200");
    }

    private async Task SendAsync(NetworkStream stream, string path, bool saysHowLong)
    {
        var length = saysHowLong ? $"Content-Length: {BodyBytes}" : "Transfer-Encoding: chunked";
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {_node.Client.Options.ApiKey}\r\n{length}\r\n\r\n"), Stop);
        if (!saysHowLong)
            await stream.WriteAsync(Encoding.ASCII.GetBytes(BodyBytes.ToString("x", CultureInfo.InvariantCulture) + "\r\n"), Stop);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(new string(' ', BodyBytes)), Stop);
        if (!saysHowLong)
            await stream.WriteAsync("\r\n0\r\n\r\n"u8.ToArray(), Stop);
    }

    /// <summary>Reads until some words have come; fails at the end of the connection.</summary>
    private static async Task UntilAsync(NetworkStream stream, string words)
    {
        var (text, piece) = (new StringBuilder(), new byte[4_096]);
        while (!text.ToString().Contains(words, StringComparison.Ordinal))
        {
            var count = await stream.ReadAsync(piece, Stop);
            count.ShouldBeGreaterThan(0, $"The connection has ended, and all that came is: {text}");
            text.Append(Encoding.ASCII.GetString(piece, 0, count));
        }
    }
}
