using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>A browser without a window: it keeps cookies by host, follows no redirect by itself, and finds the public address at one of the nodes.</summary>
public sealed class Browser : IDisposable
{
    /// <summary>What the nodes of these tests are told that browsers know them as.</summary>
    public const string PublicUrl = "http://stoa.test";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Dictionary<(string Host, string Name), string> _cookies = [];

    /// <summary>Where the public address leads.</summary>
    public required RunningNode Node { get; set; }

    /// <summary>A copy of what is kept for a host.</summary>
    public IReadOnlyDictionary<string, string> CookiesOf(string host) =>
        _cookies.Where(pair => pair.Key.Host == host).ToDictionary(pair => pair.Key.Name, pair => pair.Value);

    public void SetCookie(string host, string name, string value) => _cookies[(host, name)] = value;

    public Task<HttpResponseMessage> GetAsync(string url) => SendAsync(HttpMethod.Get, url, null);

    public Task<HttpResponseMessage> PostAsync(string url, params (string Name, string Value)[] form) =>
        SendAsync(HttpMethod.Post, url, new FormUrlEncodedContent(form.Select(pair => KeyValuePair.Create(pair.Name, pair.Value))));

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string url, HttpContent? content)
    {
        var address = new Uri(url);
        var host = address.Authority;
        using var request = new HttpRequestMessage(
            method, url.StartsWith(PublicUrl, StringComparison.Ordinal) ? new Uri(Node.Started.Address, address.PathAndQuery) : address)
        { Content = content };
        request.Headers.Host = host;
        var cookies = CookiesOf(host);
        if (cookies.Count > 0)
            request.Headers.Add("Cookie", string.Join("; ", cookies.Select(pair => $"{pair.Key}={pair.Value}")));
        var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        foreach (var set in response.Headers.TryGetValues("Set-Cookie", out var all) ? all : [])
        {
            var (name, value) = set.Split(';')[0].Split('=', 2) is [var left, var right] ? (left, right) : (set, "");
            if (value.Length == 0 || set.Contains("expires=Thu, 01 Jan 1970", StringComparison.OrdinalIgnoreCase))
                _cookies.Remove((host, name));
            else
                _cookies[(host, name)] = value;
        }

        return response;
    }
}
