// SPDX-License-Identifier: ISC
Promise.withResolvers ??= function () {
	const out = {}
	out.promise = new this((resolve, reject) => Object.assign(out, { resolve, reject }))
	return out
}
