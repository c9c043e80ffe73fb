using DnsClient;
using DnsClient.Protocol;

namespace Stoa.Network.Names;

/// <summary>Text records as the name servers of this machine tell them.</summary>
public sealed class DnsTextRecords : ITextRecords
{
    // A name server that does not answer is asked once more, and then the next.
    private static readonly LookupClientOptions s_options = new() { Timeout = TimeSpan.FromSeconds(3), Retries = 1, ThrowDnsErrors = false, UseCache = true };

    // Which name servers there are is read when somebody asks first: most nodes never do.
    private readonly Lazy<LookupClient> _client = new(() => new LookupClient(s_options));

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> ReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await _client.Value.QueryAsync(name, QueryType.TXT, QueryClass.IN, cancellationToken);
            if (answer.HasError && answer.Header.ResponseCode is not DnsHeaderResponseCode.NotExistentDomain)
                throw new IOException($"The text records of {name} cannot be read: {answer.ErrorMessage}.");
            // A record is pieces of at most 255 bytes.
            return [.. answer.Answers.OfType<TxtRecord>().Select(record => string.Concat(record.Text))];
        }
        catch (Exception e) when (e is DnsResponseException or InvalidOperationException or ArgumentException)
        {
            throw new IOException($"The text records of {name} cannot be read: {e.Message}", e);
        }
    }
}
