using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stoa.Node.Mail;

/// <summary>Authorities of the operator's own, from which the mail server's certificate has to come.</summary>
internal static class MailTrust
{
    /// <summary>Reads them; null when the file cannot be read or has none.</summary>
    public static X509Certificate2Collection? Load(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return null;
        }

        return authorities.Count > 0 ? authorities : null;
    }

    /// <summary>Whether a server's certificate comes from one of them, is for the name that was asked for, and is good today.</summary>
    /// <param name="authorities">These.</param>
    /// <param name="certificate">The server's.</param>
    /// <param name="chain">As TLS has made it: with the certificates that the server has sent beside its own, and what it is to be good for. It is built anew.</param>
    /// <param name="errors">What TLS has found.</param>
    /// <remarks>Whether it was revoked is not asked: such authorities rarely tell.</remarks>
    public static bool IsGood(X509Certificate2Collection authorities, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || chain is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            return false;
        using var own = new X509Certificate2(certificate);
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(own);
    }
}
