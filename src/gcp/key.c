#include "gcp/key.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/json_kv.h"
#include "base/json_read.h"

enum { RSA_BITS_LEAST = 2048 };

struct gcp_key {
    char *account, *id;
    EVP_PKEY *pkey;
};

void gcp_key_free(struct gcp_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    mem_free(k->account);
    mem_free(k->id);
    mem_free(k);
}

const char *gcp_key_account(const struct gcp_key *k)
{
    return k->account;
}

static EVP_PKEY *read_pem(const char *pem, size_t n)
{
    BIO *b = BIO_new_mem_buf(pem, (int)n);
    EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
    BIO_free(b);
    if (k && (!EVP_PKEY_is_a(k, "RSA") || EVP_PKEY_get_bits(k) < RSA_BITS_LEAST)) {
        EVP_PKEY_free(k);
        k = NULL;
    }
    return k;
}

struct gcp_key *gcp_key_parse(const void *json, size_t n, char *error, size_t cap)
{
    struct jr r = {0};
    struct gcp_key *k = NULL;
    const struct jr_node *root = jr_read(&r, json, n) ? jr_root(&r) : NULL;
    const char *account = jr_get_text(root, "client_email");
    const struct jr_node *pem = jr_get(root, "private_key");
    if (!root)
        snprintf(error, cap, "it is not JSON");
    else if (strcmp(jr_get_text(root, "type"), "service_account") != 0)
        snprintf(error, cap, "its type is not service_account");
    else if (!*account || !pem || pem->kind != JR_TEXT || pem->len > 1 << 16)
        snprintf(error, cap, "it lacks client_email or private_key");
    else {
        EVP_PKEY *pkey = read_pem(pem->text, pem->len);
        if (pkey) {
            k = mem_new(1, sizeof *k);
            k->pkey = pkey;
            k->account = mem_strdup(account);
            k->id = mem_strdup(jr_get_text(root, "private_key_id"));
        } else {
            snprintf(error, cap, "its private_key is not an RSA key of at least %d bits",
                     RSA_BITS_LEAST);
        }
    }
    if (r.text.data)
        OPENSSL_cleanse(r.text.data, r.text.cap);
    jr_free(&r);
    return k;
}

/* RFC 4648 section 5, without padding. */
static void put_base64url(struct buf *out, const void *data, size_t n)
{
    size_t at = out->len;
    base64_put(out, data, n);
    while (out->len > at && out->data[out->len - 1] == '=')
        out->len--;
    out->data[out->len] = 0;
    for (char *p = out->data + at; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
}

static bool sign(EVP_PKEY *key, const char *text, size_t n, struct buf *out)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t size = (size_t)EVP_PKEY_get_size(key);
    unsigned char *signature = mem_new(size, 1);
    bool ok = c && EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(c, signature, &size, (const unsigned char *)text, n) == 1;
    if (ok)
        put_base64url(out, signature, size);
    mem_free(signature);
    EVP_MD_CTX_free(c);
    return ok;
}

bool gcp_key_jwt(const struct gcp_key *k, const char *audience, int64_t now_s, struct buf *out)
{
    struct buf part = {0}, token = {0};
    struct jw w;
    jw_begin(&w, &part);
    jw_obj(&w);
    kv_text(&w, "alg", "RS256");
    kv_text(&w, "typ", "JWT");
    if (*k->id)
        kv_text(&w, "kid", k->id);
    jw_end(&w);
    put_base64url(&token, part.data, part.len);
    buf_char(&token, '.');
    buf_reset(&part);
    jw_begin(&w, &part);
    jw_obj(&w);
    kv_text(&w, "iss", k->account);
    kv_text(&w, "sub", k->account);
    kv_text(&w, "aud", audience);
    kv_int(&w, "iat", now_s);
    kv_int(&w, "exp", now_s + GCP_JWT_S);
    jw_end(&w);
    put_base64url(&token, part.data, part.len);
    buf_reset(&part);
    bool ok = sign(k->pkey, token.data, token.len, &part);
    if (ok) {
        buf_add(out, token.data, token.len);
        buf_char(out, '.');
        buf_add(out, part.data, part.len);
    }
    buf_free(&part);
    buf_free(&token);
    return ok;
}
